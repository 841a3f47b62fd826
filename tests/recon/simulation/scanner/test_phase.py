import numpy as np
import pytest
import torch

from recon.simulation.scanner.phase import air_phase, fat_phase, smooth_phase, vary_phase

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(4))
def test_smooth_phase_changes_little_from_pixel_to_pixel(seed: int) -> None:
    phase = smooth_phase((128, 96), np.random.default_rng(seed), CPU)
    assert phase.shape == (128, 96)
    assert phase.diff(dim=0).abs().max() < 0.5
    assert phase.diff(dim=1).abs().max() < 0.5


@pytest.mark.parametrize("seed", range(6))
def test_a_phase_at_random_keeps_the_magnitude(seed: int) -> None:
    image = torch.rand(40, 50, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(vary_phase(image, np.random.default_rng(seed)).abs(), image)


def test_fat_has_one_phase_and_darker_tissue_none() -> None:
    """A band of brightness at most 1.3 wide starts above 0.3."""
    image = torch.full((40, 40), 0.2)
    assert not fat_phase(image, np.random.default_rng(0)).any()


def test_air_itself_has_no_phase_and_distant_tissue_none() -> None:
    image = torch.ones(80, 80)
    image[:, :10] = 0
    phase = air_phase(image, np.random.default_rng(0))
    assert not phase[:, :10].any()
    assert phase[:, 10].abs().min() > 0.1
    assert not phase[:, 10 + 8 + 1 :].any()
