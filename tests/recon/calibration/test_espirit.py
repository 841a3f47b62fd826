from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from sigpy.mri.app import EspiritCalib

from helpers.scans.objects import discs, object_acquisition, smooth_maps
from helpers.scans.slices import line_mask, random_kspace
from recon.blocking import as_on_gpu
from recon.calibration.acs import Acs, batch_calibration_lines
from recon.calibration.espirit import batch_sens_maps, espirit, estimate_sens_maps
from recon.calibration.projection import espirit_operator
from recon.coils import coil_combine, coil_expand, rss
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.fourier import ifft


def test_the_maps_are_those_of_the_coils_up_to_a_common_phase() -> None:
    full = object_acquisition(6, 64, 60)
    maps = estimate_sens_maps(Sampling(MaskKind.EQUISPACED, 3, 0.3)(full))
    inside = discs(64, 60) > 0.4
    overlap = (maps * smooth_maps(6, 64, 60).conj()).sum(0).abs()
    assert overlap[inside].min() > 0.98


def test_the_maps_have_unit_root_sum_of_squares_everywhere() -> None:
    maps = estimate_sens_maps(object_acquisition())
    torch.testing.assert_close(rss(maps), torch.ones(64, 60), rtol=1e-3, atol=1e-3)


def sens_maps_of(
    kspace: torch.Tensor,
    mask: torch.Tensor,
    calibration: torch.Tensor | None = None,
) -> torch.Tensor:
    return batch_sens_maps(batch_calibration_lines(kspace, mask, calibration), kspace.shape[-2:])


def test_maps_explain_the_object() -> None:
    full = object_acquisition()
    mask = line_mask(60, center=10)
    maps = sens_maps_of(torch.where(mask, full.kspace[None], 0), mask)
    coil_images = ifft(full.kspace[None])
    unexplained = coil_images - coil_expand(coil_combine(coil_images, maps), maps)
    assert unexplained.norm() < 0.05 * coil_images.norm()
    inside = discs(64, 60) > 0.2
    overlap = coil_combine(maps[0], smooth_maps(6, 64, 60)).abs()
    assert overlap[inside].amin() > 0.97


@pytest.mark.parametrize("coils", [1, 4])
@pytest.mark.parametrize("matrix", [(32, 30), (33, 31)])
def test_maps_of_a_batch_have_unit_root_sum_of_squares(coils: int, matrix: tuple[int, int]) -> None:
    mask = line_mask(matrix[1], batch=2)
    maps = sens_maps_of(torch.where(mask, random_kspace(2, coils, *matrix), 0), mask)
    assert maps.shape == (2, coils, *matrix)
    torch.testing.assert_close(rss(maps), torch.ones(2, *matrix))


def test_maps_are_those_of_the_classical_methods() -> None:
    full = object_acquisition(noise=1e-3).undersample(line_mask(60, center=8, every=20).flatten())
    maps = sens_maps_of(full.kspace[None], full.mask.reshape(1, 1, 1, -1))
    torch.testing.assert_close(maps[0], estimate_sens_maps(full))


def test_a_reference_scan_replaces_the_centre() -> None:
    reference = torch.where(line_mask(60, center=12, every=61), object_acquisition().kspace[None], 0)
    mask = line_mask(60, center=1)
    maps = sens_maps_of(random_kspace(1, 6, 64, 60), mask, calibration=reference)
    torch.testing.assert_close(maps, sens_maps_of(reference, line_mask(60, center=12, every=61)))


@pytest.mark.parametrize("center", [0, 1, 2, 3])
def test_hardly_any_calibration_lines_give_finite_maps(center: int) -> None:
    mask = line_mask(40, center=center, every=3)
    assert sens_maps_of(torch.where(mask, random_kspace(1, 3, 32, 40), 0), mask).isfinite().all()


def test_no_gradient_passes_through_the_maps() -> None:
    kspace = random_kspace(1, 3, 24, 24).requires_grad_()
    assert not sens_maps_of(kspace, line_mask(24)).requires_grad


def test_the_eigenvalue_is_one_in_the_object_and_small_in_the_air() -> None:
    full = object_acquisition(6, 64, 60, noise=1e-3)
    eigenvalues = espirit([Acs(full.kspace[..., 18:42], 12)], (64, 60)).eigenvalues[0, 0]
    assert eigenvalues[discs(64, 60) > 0.4].min() > 0.97
    air = torch.ones(64, 60, dtype=torch.bool)
    air[4:60, 4:56] = False
    assert eigenvalues[air].median() < 0.9


def test_the_operator_is_a_projection_of_the_papers() -> None:
    full = object_acquisition(4, 32, 30)
    operator = espirit_operator(full.kspace[..., 9:21], (32, 30)).permute(2, 3, 0, 1)
    torch.testing.assert_close(operator, operator.mH, rtol=1e-4, atol=1e-5)
    values = torch.linalg.eigvalsh(operator)
    assert values.min() > -1e-4
    assert values.max() < 1 + 1e-4


def test_maps_agree_with_sigpys() -> None:
    full = object_acquisition(6, 64, 60)
    theirs = EspiritCalib(full.kspace.numpy(), calib_width=24, show_pbar=False, crop=0).run()
    inside = discs(64, 60) > 0.4
    overlap = (torch.from_numpy(theirs).conj() * estimate_sens_maps(full)).sum(0).abs()
    assert overlap[inside].min() > 0.99


@pytest.mark.parametrize("place", [nullcontext, as_on_gpu])
@pytest.mark.parametrize("matrix", [(48, 52), (260, 256)])
def test_maps_of_a_batch_are_those_of_each_slice(matrix: tuple[int, int], place: Callable[[], Any]) -> None:
    """Kernels and windows differ from slice to slice, because their numbers of lines do."""
    scan = object_acquisition(6, *matrix, noise=0.01)
    center = matrix[1] // 2
    acs = [Acs(scan.kspace[..., center - left : center + right], left) for left, right in [(2, 2), (12, 12), (3, 6)]]
    acs.append(Acs(scan.kspace[:, matrix[0] // 2 - 2 : matrix[0] // 2 + 3, center - 8 : center + 8], 8))
    with place():
        together = espirit(acs, matrix, sets=2)
    for number, one in enumerate(acs):
        alone = espirit([one], matrix, sets=2)
        sets = alone.maps.shape[1]
        assert together.present[number].sum() == sets
        torch.testing.assert_close(together.eigenvalues[number, :sets], alone.eigenvalues[0], rtol=0, atol=2e-3)
        close = (together.maps[number, :sets] - alone.maps[0]).abs() < 1e-2
        assert close.float().mean() > 0.999


def test_maps_are_the_same_where_single_precision_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK does so on some matrices of low rank; which ones depends on the machine."""
    full, eigh = object_acquisition(), torch.linalg.eigh

    def in_double_only(matrices: torch.Tensor) -> Any:
        if matrices.dtype == torch.complex64:
            raise torch.linalg.LinAlgError("failed to converge")
        return eigh(matrices)

    expected = estimate_sens_maps(full)
    monkeypatch.setattr(torch.linalg, "eigh", in_double_only)
    torch.testing.assert_close(estimate_sens_maps(full), expected, rtol=1e-3, atol=1e-3)
