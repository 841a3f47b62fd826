import pytest
import torch

from helpers.objects import discs, object_acquisition, smooth_maps
from helpers.slices import line_mask, random_kspace
from recon.calibration.espirit import estimate_sens_maps
from recon.coils import coil_combine, coil_expand, rss
from recon.fourier import ifft
from recon.models.blocks.physics_maps import physics_maps


def test_maps_explain_the_object() -> None:
    full = object_acquisition()
    mask = line_mask(60, center=10)
    maps = physics_maps(torch.where(mask, full.kspace[None], 0), mask)
    coil_images = ifft(full.kspace[None])
    unexplained = coil_images - coil_expand(coil_combine(coil_images, maps), maps)
    assert unexplained.norm() < 0.05 * coil_images.norm()
    inside = discs(64, 60) > 0.2
    overlap = coil_combine(maps[0], smooth_maps(6, 64, 60)).abs()
    assert overlap[inside].amin() > 0.97


@pytest.mark.parametrize("coils", [1, 4])
@pytest.mark.parametrize("matrix", [(32, 30), (33, 31)])
def test_maps_have_unit_root_sum_of_squares(coils: int, matrix: tuple[int, int]) -> None:
    mask = line_mask(matrix[1], batch=2)
    maps = physics_maps(torch.where(mask, random_kspace(2, coils, *matrix), 0), mask)
    assert maps.shape == (2, coils, *matrix)
    torch.testing.assert_close(rss(maps), torch.ones(2, *matrix))


def test_maps_are_those_of_the_classical_methods() -> None:
    full = object_acquisition(noise=1e-3).undersample(line_mask(60, center=8, every=20).flatten())
    maps = physics_maps(full.kspace[None], full.mask.reshape(1, 1, 1, -1))
    torch.testing.assert_close(maps[0], estimate_sens_maps(full))


def test_the_given_number_of_lines_is_used() -> None:
    kspace, mask = object_acquisition().kspace[None].expand(2, -1, -1, -1), torch.ones(1, 1, 1, 60, dtype=torch.bool)
    maps = physics_maps(kspace, mask, torch.tensor([6, 12]))
    for index, lines in enumerate((6, 12)):
        alone = torch.where(line_mask(60, center=lines, every=61), kspace[:1], 0)
        torch.testing.assert_close(maps[index], physics_maps(alone, line_mask(60, center=lines, every=61))[0])


def test_a_reference_scan_replaces_the_centre() -> None:
    reference = torch.where(line_mask(60, center=12, every=61), object_acquisition().kspace[None], 0)
    mask = line_mask(60, center=1)
    maps = physics_maps(random_kspace(1, 6, 64, 60), mask, calibration=reference)
    torch.testing.assert_close(maps, physics_maps(reference, line_mask(60, center=12, every=61)))


@pytest.mark.parametrize("center", [0, 1, 2, 3])
def test_hardly_any_calibration_lines_give_finite_maps(center: int) -> None:
    mask = line_mask(40, center=center, every=3)
    assert physics_maps(torch.where(mask, random_kspace(1, 3, 32, 40), 0), mask).isfinite().all()


def test_nothing_is_learned() -> None:
    kspace = random_kspace(1, 3, 24, 24).requires_grad_()
    assert not physics_maps(kspace, line_mask(24)).requires_grad
