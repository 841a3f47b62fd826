from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.scans.objects import discs, object_acquisition, smooth_maps
from recon.calibration.noise import mix_coils, whitening_matrix
from recon.classical.unfolding.lines import Folding, Lattice, find_lattice, resample
from recon.classical.unfolding.sense_unfold import SenseUnfold
from recon.classical.zero_filled import ZeroFilled
from recon.coils import coil_combine, coil_expand, rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import open_fastmri
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.engine.scores.metrics import score
from recon.fourier import fft, ifft
from recon.quality.pseudo_replica import pseudo_replica

PHASE, READOUT = (-1,), (-2,)


def correlated(coils: int) -> torch.Tensor:
    distance = (torch.arange(coils)[:, None] - torch.arange(coils)).abs()
    return torch.complex(0.5**distance, torch.zeros(coils, coils))


def lattice_of(acquisition: Acquisition) -> Lattice:
    lattice = find_lattice(acquisition.mask)
    assert lattice is not None
    return lattice


def unfolded(acquisition: Acquisition, lamda: float, covariance: torch.Tensor | None = None) -> torch.Tensor:
    folding = Folding.of(smooth_maps(acquisition.coils, *acquisition.matrix), lattice_of(acquisition))
    return folding.image(folding.unfold(ifft(acquisition.kspace, READOUT), lamda, covariance))


def conjugate_gradients(acquisition: Acquisition, maps: torch.Tensor, lamda: float) -> torch.Tensor:
    maps = maps.to(torch.complex128)

    def normal(image: torch.Tensor) -> torch.Tensor:
        measured = torch.where(acquisition.mask, fft(coil_expand(image, maps)), 0)
        return coil_combine(ifft(measured), maps) + lamda * image

    residual = coil_combine(ifft(acquisition.kspace.to(torch.complex128)), maps)
    image, direction = torch.zeros_like(residual), residual
    while (energy := residual.abs().square().sum()) > 1e-20:
        curved = normal(direction)
        step = energy / (direction.conj() * curved).sum()
        image, residual = image + step * direction, residual - step * curved
        direction = residual + residual.abs().square().sum() / energy * direction
    return image


@pytest.mark.parametrize(("step", "first"), [(2, 0), (3, 1), (4, 3), (5, 2)])
@pytest.mark.parametrize("lamda", [1e-3, 1e-1])
def test_unfolding_is_where_conjugate_gradients_converge(step: int, first: int, lamda: float) -> None:
    full = object_acquisition(8, 24, 60, noise=1e-2)
    acquisition = full.undersample(torch.arange(60) % step == first)
    iterated = conjugate_gradients(acquisition, smooth_maps(8, 24, 60), lamda)
    torch.testing.assert_close(unfolded(acquisition, lamda).to(iterated), iterated, atol=1e-4, rtol=1e-3)


def test_correlated_noise_is_weighted_as_in_whitened_coils() -> None:
    covariance, lamda = correlated(6), 1e-2
    acquisition = object_acquisition(6, 24, 60, noise=1e-2).undersample(torch.arange(60) % 3 == 0)
    whitening = whitening_matrix(covariance)
    white = replace(acquisition, kspace=mix_coils(whitening, acquisition.kspace))
    iterated = conjugate_gradients(white, mix_coils(whitening, smooth_maps(6, 24, 60)), lamda)
    torch.testing.assert_close(unfolded(acquisition, lamda, covariance).to(iterated), iterated, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_the_g_factor_formula_agrees_with_replicas(step: int) -> None:
    replicas, noise = 200, 1e-3
    covariance = correlated(6)
    acquisition = object_acquisition(6, 20, 36).undersample(torch.arange(36) % step == 1)
    maps = smooth_maps(6, 20, 36)
    g = Folding.of(maps, lattice_of(acquisition)).g_factor(covariance)
    measured = pseudo_replica(
        lambda scan: unfolded(scan, 0, covariance).real, acquisition, noise**2 * covariance, replicas
    )
    roots = mix_coils(whitening_matrix(covariance), maps)
    full = noise / rss(roots) / 2**0.5
    ratio = measured / (full * step**0.5) / g
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 1.2 / (2 * replicas) ** 0.5


def test_g_is_one_without_folding_and_never_less_without_regularisation() -> None:
    maps = smooth_maps(6, 20, 60)
    assert Folding.of(maps, Lattice(60, 1, 0)).g_factor().sub(1).abs().max() < 1e-3
    half, third = (Folding.of(maps, Lattice(60, step, 0)).g_factor() for step in (2, 3))
    assert half.min() > 0.999
    assert third.mean() > half.mean()
    assert (Folding.of(maps, Lattice(60, 3, 0)).g_factor(lamda=0.1) <= third + 1e-4).all()


@pytest.mark.parametrize("phase", [59, 60, 61, 62])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_noiseless_scan_of_any_width_is_unfolded(phase: int, first: int) -> None:
    full = object_acquisition(8, 32, phase)
    acquisition = full.undersample(torch.arange(phase) % 4 == first)
    image = unfolded(acquisition, 0)
    assert (image.abs() - discs(32, phase)).norm() < 0.06 * discs(32, phase).norm()


def test_the_encoding_of_the_solution_meets_the_measured_lines() -> None:
    full = object_acquisition(8, 32, 60)
    acquisition = full.undersample(torch.arange(60) % 3 == 2)
    measured = ifft(acquisition.kspace, READOUT)
    folding = Folding.of(smooth_maps(8, 32, 60), lattice_of(acquisition))
    predicted = folding.coil_kspace(folding.unfold(measured))
    torch.testing.assert_close(predicted, ifft(full.kspace, READOUT), atol=2e-2, rtol=0)


def test_a_global_phase_and_a_flip_along_readout_change_nothing() -> None:
    acquisition = Sampling(MaskKind.EQUISPACED, 3, 0.2)(object_acquisition(6, 65, 60, noise=1e-3))
    image = SenseUnfold()(acquisition)
    turned = replace(acquisition, kspace=1j * acquisition.kspace)
    flipped = replace(acquisition, kspace=acquisition.kspace.flip(-2))
    assert (SenseUnfold()(turned) - image).norm() < 2e-3 * image.norm()
    assert (SenseUnfold()(flipped).flip(-2) - image).norm() < 2e-2 * image.norm()


@pytest.mark.parametrize("step", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("center", [0, 9])
def test_the_spacing_is_found_beside_the_calibration_lines(step: int, center: int) -> None:
    index = torch.arange(90)
    for first in range(step):
        mask = (index % step == first) | ((index - 45).abs() < center / 2)
        assert find_lattice(mask) == Lattice(90, step, first)


@pytest.mark.parametrize("kind", [MaskKind.RANDOM, MaskKind.EQUISPACED_FRACTION])
def test_masks_that_are_not_equally_spaced_are_refused(kind: MaskKind) -> None:
    scan = Sampling(kind, 3.3, 0.2)(object_acquisition(4, 16, 120))
    with pytest.raises(InputError, match="discs.h5: closed-form unfolding needs equally spaced lines"):
        SenseUnfold()(scan)


def test_masks_with_nothing_but_the_centre_or_along_both_axes_are_refused() -> None:
    full = object_acquisition(4, 16, 60)
    for mask in ((torch.arange(60) - 30).abs() < 9, torch.eye(16, 60) > 0):
        with pytest.raises(InputError, match="equally spaced lines"):
            SenseUnfold()(full.undersample(mask))


@pytest.mark.parametrize("phase", [60, 62])
def test_the_noise_formula_agrees_with_replicas(phase: int) -> None:
    full = object_acquisition(6, 32, phase, noise=1e-3)
    reference = full.kspace[..., phase // 2 - 12 : phase // 2 + 12]
    scan = replace(full.undersample(torch.arange(phase) % 3 == 1), calibration=reference)
    spread = torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.complex64)
    covariance = 1e-6 * (torch.eye(6) + 0.1 * spread @ spread.mH)
    replicas = 150
    ratio = SenseUnfold().noise_map(scan, covariance) / pseudo_replica(SenseUnfold(), scan, covariance, replicas)
    inside = ratio[discs(32, phase) > 0.4]
    assert inside.median() == pytest.approx(1, abs=0.03)
    assert inside.std() < 2 / (2 * replicas) ** 0.5


def test_resampling_keeps_linear_functions_about_the_centre() -> None:
    ramp = (torch.arange(60) - 30) / 60
    for pixels in (56, 60, 64, 63):
        other = (torch.arange(pixels) - pixels // 2) / pixels
        torch.testing.assert_close(resample(ramp, pixels)[2:-2], other[2:-2])


@pytest.mark.parametrize("name", ["brain_t1_7ch.h5", "brain_t2_4ch.h5", "fruit_8ch.h5"])
@pytest.mark.parametrize("acceleration", [4, 8])
def test_real_scans_come_out_better_than_zero_filled(real_data: Path, name: str, acceleration: int) -> None:
    volume = open_fastmri(real_data / "kspace" / name)
    scan = Sampling(MaskKind.EQUISPACED, acceleration, 0.32 / acceleration)(volume.read(1 % len(volume)))
    target = scan.target[None].numpy()
    zeros = score(target, ZeroFilled()(scan)[None].numpy()).psnr
    assert score(target, SenseUnfold()(scan)[None].numpy()).psnr > zeros + 1
