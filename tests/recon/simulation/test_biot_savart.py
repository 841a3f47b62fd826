import numpy as np
import pytest
import torch

from recon.simulation.biot_savart import combine_birdcage, loop_fields, receive
from recon.simulation.loops import Loop, arrange_around, arrange_in_planes


def tilted_loop(radius: float = 45.0) -> Loop:
    axis = np.array([1.0, -2.0, 0.5])
    return Loop(centre=np.array([20.0, -30.0, 10.0]), axis=axis / np.linalg.norm(axis), radius=radius)


def field_of(loop: Loop, points: np.ndarray) -> np.ndarray:
    return loop_fields([loop], points, 48)[0].numpy()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("segments", [32, 48])
def test_field_on_the_axis_is_the_closed_form(segments: int, dtype: torch.dtype, tolerance: float):
    """`B(z) = mu_0 I R^2 / (2 (R^2 + z^2)^(3/2))` along the axis, with mu_0 I = 1."""
    loop, height = tilted_loop(), np.linspace(-150, 150, 31)
    points = loop.centre[:, None] + height * loop.axis[:, None]
    field = loop_fields([loop], points, segments, dtype)[0].numpy()
    closed_form = loop.radius**2 / (2 * (loop.radius**2 + height**2) ** 1.5) * loop.axis[:, None]
    assert np.linalg.norm(field - closed_form, axis=0).max() < tolerance * np.abs(closed_form).max()


def test_far_field_is_a_dipole():
    """B = (3 r (m . r) - m) / (4 pi d^3) with m = pi R^2 n."""
    loop = tilted_loop(radius=2.0)
    direction = np.array([0.6, 0.0, 0.8])
    moment, distance = np.pi * loop.radius**2 * loop.axis, 400.0
    field = field_of(loop, (loop.centre + distance * direction)[:, None])[:, 0]
    dipole = (3 * direction * (moment @ direction) - moment) / (4 * np.pi * distance**3)
    np.testing.assert_allclose(field, dipole, rtol=1e-3, atol=1e-4 * np.linalg.norm(dipole))


def test_field_in_air_has_neither_divergence_nor_curl():
    loop, step = tilted_loop(), 0.05
    points = np.random.default_rng(0).uniform(-30, 30, (3, 20)) + np.array([[60.0], [40.0], [0.0]])
    jacobian = np.stack(
        [
            (field_of(loop, points + move) - field_of(loop, points - move)) / (2 * step)
            for move in step * np.eye(3)[:, :, None]
        ]
    )
    scale = np.abs(jacobian).max()
    assert np.abs(np.einsum("iin->n", jacobian)).max() < 1e-4 * scale
    assert np.abs(jacobian - jacobian.transpose(1, 0, 2)).max() < 1e-4 * scale


@pytest.mark.parametrize("arrange", [arrange_around, arrange_in_planes])
def test_single_precision_agrees_with_double(arrange):
    rng = np.random.default_rng(0)
    loops, points = arrange(6, (220.0, 200.0), rng), rng.uniform(-60, 60, (3, 20))
    single, double = receive(loops, points, 32, torch.float32), receive(loops, points, 32)
    assert (single.dtype, double.dtype) == (np.complex64, np.complex128)
    assert np.abs(single - double).max() < 2e-6 * np.abs(double).max()


@pytest.mark.parametrize(("segments", "tolerance"), [(32, 1e-4), (48, 1e-6)])
def test_segments_suffice_inside_the_field_of_view(segments: int, tolerance: float):
    rng = np.random.default_rng(0)
    loops, points = arrange_around(8, (236.0, 236.0), rng), rng.uniform(-118, 118, (3, 500))
    coarse, fine = (receive(loops, points, count) for count in (segments, 400))
    assert np.abs(coarse - fine).max() < tolerance * np.abs(fine).max()


def test_sensitivity_is_bx_minus_i_by():
    loop, points = tilted_loop(), np.random.default_rng(0).uniform(-30, 30, (3, 20))
    x, y, _ = field_of(loop, points)
    np.testing.assert_array_equal(receive([loop], points, 48)[0], x - 1j * y)


@pytest.mark.parametrize("seed", range(10))
def test_birdcage_adds_up_in_the_middle_where_the_plain_sum_cancels(seed: int):
    loops = arrange_around(8, (220.0, 220.0), np.random.default_rng(seed))
    received = receive(loops, np.zeros((3, 1)), 48)
    assert np.abs(combine_birdcage(loops, received)) > 0.9 * np.abs(received).sum()
    assert np.abs(received.sum()) < 0.15 * np.abs(received).sum()
