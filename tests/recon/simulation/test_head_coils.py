from pathlib import Path

import numpy as np
import pytest

import recon.simulation.head_coils
from recon.simulation.head_coils import Loop, arrange_loops, loop_coil_maps, loop_field
from recon.simulation.phantom.grid import centred_axis, field_of_view, slice_heights


def tilted_loop(radius: float = 45.0) -> Loop:
    axis = np.array([1.0, -2.0, 0.5])
    return Loop(centre=np.array([20.0, -30.0, 10.0]), axis=axis / np.linalg.norm(axis), radius=radius)


def test_field_on_the_axis_is_the_analytic_one():
    """B(z) = R^2 / (2 (R^2 + z^2)^(3/2)), along the axis."""
    loop, height = tilted_loop(), np.linspace(-150, 150, 31)
    field = loop_field(loop.centre[:, None] + height * loop.axis[:, None], loop)
    analytic = loop.radius**2 / (2 * (loop.radius**2 + height**2) ** 1.5)
    np.testing.assert_allclose(field, analytic * loop.axis[:, None], atol=1e-12)


def test_far_field_is_a_dipole():
    """B = (3 r (m . r) - m) / (4 pi d^3) with m = pi R^2 n."""
    loop = tilted_loop(radius=2.0)
    direction = np.array([0.6, 0.0, 0.8])
    moment, distance = np.pi * loop.radius**2 * loop.axis, 400.0
    field = loop_field((loop.centre + distance * direction)[:, None], loop)[:, 0]
    dipole = (3 * direction * (moment @ direction) - moment) / (4 * np.pi * distance**3)
    np.testing.assert_allclose(field, dipole, rtol=1e-3, atol=1e-4 * np.linalg.norm(dipole))


def test_field_has_neither_sources_nor_curl_in_air():
    loop, step = tilted_loop(), 0.05
    points = np.random.default_rng(0).uniform(-30, 30, (3, 20)) + np.array([[60.0], [40.0], [0.0]])
    jacobian = np.stack(
        [
            (loop_field(points + move, loop) - loop_field(points - move, loop)) / (2 * step)
            for move in step * np.eye(3)[:, :, None]
        ]
    )
    scale = np.abs(jacobian).max()
    assert np.abs(np.einsum("iin->n", jacobian)).max() < 1e-4 * scale
    assert np.abs(jacobian - jacobian.transpose(1, 0, 2)).max() < 1e-4 * scale


@pytest.mark.parametrize("coils", [1, 2, 8, 20, 32])
def test_there_are_as_many_loops_as_asked_and_none_crosses_the_image(coils: int):
    size = (236.0, 236.0)
    for seed in range(5):
        loops = arrange_loops(coils, size, np.random.default_rng(seed))
        assert len(loops) == coils
        for loop in loops:
            across = np.linalg.svd(loop.axis[None])[2][1:]
            angle = np.linspace(0, 2 * np.pi, 100)
            wire = loop.centre + loop.radius * (
                np.outer(np.cos(angle), across[0]) + np.outer(np.sin(angle), across[1])
            )
            outside = (np.abs(wire[:, 0]) > size[1] / 2) | (np.abs(wire[:, 1]) > size[0] / 2)
            assert outside.all()


@pytest.mark.parametrize("shape", [(24, 24), (31, 22)])
def test_interpolated_maps_are_the_law_of_biot_and_savart(shape: tuple[int, int]):
    """Up to one factor per coil and one common factor, the maps equal the field computed voxel by voxel."""
    slices, coils = 2, 4
    maps = loop_coil_maps(shape, slices, coils, np.random.default_rng(3))
    size = field_of_view(shape)
    axes = slice_heights(slices), centred_axis(shape[0], size[0]), centred_axis(shape[1], size[1])
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()])
    for coil, loop in enumerate(arrange_loops(coils, size, np.random.default_rng(3))):
        field = loop_field(points, loop).reshape(3, slices, *shape)
        received = field[0] - 1j * field[1]
        factor = np.vdot(received, maps[:, coil]) / np.vdot(received, received)
        np.testing.assert_allclose(maps[:, coil], factor * received, atol=1e-4)


@pytest.mark.parametrize(("shape", "coils"), [((32, 32), 1), ((33, 47), 5), ((64, 32), 16)])
def test_maps_are_normalised_not_flattened(shape: tuple[int, int], coils: int):
    maps = loop_coil_maps(shape, 3, coils, np.random.default_rng(0))
    assert maps.shape == (3, coils, *shape)
    assert maps.dtype == np.complex64
    coverage = np.linalg.norm(maps, axis=1)
    assert coverage.max() == pytest.approx(1, abs=1e-5)
    assert 0.01 < coverage.min() < 0.9


def test_maps_are_smooth():
    """Nearly all their energy lies in a small centre of k-space, once a window has removed the field's edge."""
    maps = loop_coil_maps((96, 96), 1, 8, np.random.default_rng(0))[0]
    window = np.outer(np.hanning(96), np.hanning(96))
    energy = np.abs(np.fft.fftshift(np.fft.fft2(maps * window), axes=(-2, -1))) ** 2
    centre = energy[:, 40:57, 40:57].sum((1, 2))
    assert (centre / energy.sum((1, 2))).min() > 0.999


def test_coils_see_different_things():
    """The Gram matrix of the maps is well conditioned: no coil is a mixture of the others."""
    maps = loop_coil_maps((32, 32), 1, 8, np.random.default_rng(0))[0].reshape(8, -1)
    maps /= np.linalg.norm(maps, axis=1, keepdims=True)
    assert np.linalg.cond(maps @ maps.conj().T) < 1e4


def test_sensitivity_changes_from_slice_to_slice_and_coil_to_coil_of_the_seed():
    maps = loop_coil_maps((32, 32), 5, 6, np.random.default_rng(0))
    assert np.abs(maps[0] - maps[-1]).max() > 0.02
    np.testing.assert_array_equal(maps, loop_coil_maps((32, 32), 5, 6, np.random.default_rng(0)))
    assert np.abs(maps - loop_coil_maps((32, 32), 5, 6, np.random.default_rng(1))).max() > 0.02


def test_single_coil_is_nearly_uniform_over_the_head():
    (birdcage,) = np.abs(loop_coil_maps((64, 64), 1, 1, np.random.default_rng(0))[0])
    head = birdcage[12:-12, 16:-16]
    assert head.max() < 2 * head.min()


def test_nodes_suffice(monkeypatch: pytest.MonkeyPatch):
    maps = loop_coil_maps((48, 96), 1, 8, np.random.default_rng(0))
    monkeypatch.setattr(recon.simulation.head_coils, "NODES", 80)
    np.testing.assert_allclose(maps, loop_coil_maps((48, 96), 1, 8, np.random.default_rng(0)), atol=2e-3)


def test_coils_are_as_independent_as_those_of_a_measured_head_array(real_data: Path):
    """The singular values of the maps over a head, root sum of squares removed: what parallel imaging lives on."""

    def singular_values(maps: np.ndarray, head: np.ndarray) -> np.ndarray:
        inside = maps[:, head] / np.linalg.norm(maps[:, head], axis=0)
        values = np.linalg.svd(inside, compute_uv=False)
        return values[:12] / values[0]

    measured = np.load(real_data / "maps" / "aligned_sense_32ch_t2.npz")
    image = np.abs(measured["image"])
    y, x = np.meshgrid(np.arange(128) - 64, np.arange(128) - 64, indexing="ij")
    ellipse = (y / 54) ** 2 + (x / 44) ** 2 < 1
    simulated = loop_coil_maps((128, 128), 1, 32, np.random.default_rng(0))[0]
    ratio = singular_values(simulated, ellipse) / singular_values(measured["maps"], image > 0.1 * image.max())
    assert ratio.min() > 0.4
    assert ratio.max() < 2.5
