from pathlib import Path

import numpy as np
import pytest

import recon.simulation.phantom.coil_maps
from recon.simulation.biot_savart import receive
from recon.simulation.loops import arrange_around
from recon.simulation.phantom.coil_maps import head_coil_maps
from recon.simulation.phantom.grid import centred_axis, field_of_view, slice_heights


@pytest.mark.parametrize("shape", [(24, 24), (31, 22)])
def test_interpolated_maps_equal_the_field_at_every_voxel(shape: tuple[int, int]):
    """The maps equal the field computed voxel by voxel, up to one factor per coil."""
    slices, coils = 2, 4
    maps = head_coil_maps(shape, slices, coils, np.random.default_rng(3))
    size = field_of_view(shape)
    axes = slice_heights(slices), centred_axis(shape[0], size[0]), centred_axis(shape[1], size[1])
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()])
    loops = arrange_around(coils, size, np.random.default_rng(3))
    for coil, values in enumerate(receive(loops, points, 48)):
        received = values.reshape(slices, *shape)
        factor = np.vdot(received, maps[:, coil]) / np.vdot(received, received)
        np.testing.assert_allclose(maps[:, coil], factor * received, atol=1e-4)


@pytest.mark.parametrize(("shape", "coils"), [((32, 32), 1), ((33, 47), 5), ((64, 32), 16)])
def test_largest_root_sum_of_squares_is_one_but_not_everywhere(shape: tuple[int, int], coils: int):
    maps = head_coil_maps(shape, 3, coils, np.random.default_rng(0))
    assert maps.shape == (3, coils, *shape)
    assert maps.dtype == np.complex64
    coverage = np.linalg.norm(maps, axis=1)
    assert coverage.max() == pytest.approx(1, abs=1e-5)
    assert 0.01 < coverage.min() < 0.9


def test_maps_are_smooth():
    """Under a window that removes the edge of the field, 99.9 % of the energy lies in a small centre of k-space."""
    maps = head_coil_maps((96, 96), 1, 8, np.random.default_rng(0))[0]
    window = np.outer(np.hanning(96), np.hanning(96))
    energy = np.abs(np.fft.fftshift(np.fft.fft2(maps * window), axes=(-2, -1))) ** 2
    centre = energy[:, 40:57, 40:57].sum((1, 2))
    assert (centre / energy.sum((1, 2))).min() > 0.999


def test_no_coil_is_a_mixture_of_the_others():
    """The Gram matrix of the maps is well conditioned."""
    maps = head_coil_maps((32, 32), 1, 8, np.random.default_rng(0))[0].reshape(8, -1)
    maps /= np.linalg.norm(maps, axis=1, keepdims=True)
    assert np.linalg.cond(maps @ maps.conj().T) < 1e4


def test_maps_change_from_slice_to_slice_and_with_the_seed_alone():
    maps = head_coil_maps((32, 32), 5, 6, np.random.default_rng(0))
    assert np.abs(maps[0] - maps[-1]).max() > 0.02
    np.testing.assert_array_equal(maps, head_coil_maps((32, 32), 5, 6, np.random.default_rng(0)))
    assert np.abs(maps - head_coil_maps((32, 32), 5, 6, np.random.default_rng(1))).max() > 0.02


def test_single_coil_is_nearly_uniform_over_the_head():
    (birdcage,) = np.abs(head_coil_maps((64, 64), 1, 1, np.random.default_rng(0))[0])
    head = birdcage[12:-12, 16:-16]
    assert head.max() < 2 * head.min()


def test_nodes_suffice(monkeypatch: pytest.MonkeyPatch):
    maps = head_coil_maps((48, 96), 1, 8, np.random.default_rng(0))
    monkeypatch.setattr(recon.simulation.phantom.coil_maps, "NODES", 80)
    np.testing.assert_allclose(maps, head_coil_maps((48, 96), 1, 8, np.random.default_rng(0)), atol=2e-3)


def test_coils_are_as_independent_as_those_of_a_measured_head_array(real_data: Path):
    """The singular values of the maps over a head, root sum of squares removed, determine parallel imaging."""

    def singular_values(maps: np.ndarray, head: np.ndarray) -> np.ndarray:
        inside = maps[:, head] / np.linalg.norm(maps[:, head], axis=0)
        values = np.linalg.svd(inside, compute_uv=False)
        return values[:12] / values[0]

    measured = np.load(real_data / "maps" / "aligned_sense_32ch_t2.npz")
    image = np.abs(measured["image"])
    y, x = np.meshgrid(np.arange(128) - 64, np.arange(128) - 64, indexing="ij")
    ellipse = (y / 54) ** 2 + (x / 44) ** 2 < 1
    simulated = head_coil_maps((128, 128), 1, 32, np.random.default_rng(0))[0]
    ratio = singular_values(simulated, ellipse) / singular_values(measured["maps"], image > 0.1 * image.max())
    assert ratio.min() > 0.4
    assert ratio.max() < 2.5
