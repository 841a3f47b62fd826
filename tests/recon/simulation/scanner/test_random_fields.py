import numpy as np
import torch

from recon.simulation.scanner.random_fields import coordinates, smooth_plane

CPU = torch.device("cpu")


def test_field_passes_through_the_values_of_the_lattice() -> None:
    field = smooth_plane((13, 21), 5, np.random.default_rng(0), CPU)
    nodes = np.random.default_rng(0).standard_normal((5, 5), dtype=np.float32)
    np.testing.assert_allclose(field[::3, ::5].numpy(), nodes, atol=1e-6)


def test_mean_and_variance_over_many_fields() -> None:
    rng = np.random.default_rng(0)
    fields = torch.stack([smooth_plane((40, 30), 6, rng, CPU) for _ in range(300)])
    assert abs(float(fields.mean())) < 0.05
    assert 0.4 < float(fields.var()) < 1


def test_coordinates_run_from_minus_one_to_one() -> None:
    y, x = coordinates((5, 9), CPU)
    assert y.shape == (5, 1)
    assert x.shape == (1, 9)
    assert (y[0], y[-1], x[0, 0], x[0, -1]) == (-1, 1, -1, 1)
