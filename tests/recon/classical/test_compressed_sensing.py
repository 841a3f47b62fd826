from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition
from recon.classical.compressed_sensing import CSTotalVariation, CSWavelet
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.engine.scores.metrics import score
from recon.registry import create
from recon.solvers.fista import IMAGINARY_WEIGHT, fista
from recon.solvers.problem import Problem
from recon.solvers.prox import TotalVariation, gradient

FINE, COARSE = 1e-3, 4e-3


def undersampled(noise: float = 1e-2) -> Acquisition:
    return Sampling(MaskKind.RANDOM, 3, 0.2)(object_acquisition(noise=noise))


def tv_objective(problem: Problem, image: torch.Tensor, lamda: float) -> float:
    mismatch = problem.encoding.forward(image) - problem.measured * problem.encoding.mask
    variation = [torch.linalg.vector_norm(gradient(part), dim=0).sum() for part in (image.real, image.imag)]
    return float(mismatch.abs().square().sum() / 2 + lamda * (variation[0] + IMAGINARY_WEIGHT * variation[1]))


def test_the_default_iterations_come_within_a_percent_of_the_least_objective() -> None:
    scan = Sampling(MaskKind.RANDOM, 3, 0.2)(object_acquisition(coils=4, readout=40, phase=36, noise=1e-2))
    problem, default = Problem.of_slices([scan]), CSTotalVariation()
    lamda = float(default.rule(problem))
    image = fista(problem, TotalVariation(), lamda, default.iterations)
    best = fista(problem, TotalVariation(steps=10), lamda, 300)
    assert tv_objective(problem, image, lamda) < 1.01 * tv_objective(problem, best, lamda)


@pytest.mark.parametrize("method", [CSWavelet, CSTotalVariation])
def test_measured_lines_are_put_back(method: type[CSWavelet | CSTotalVariation]) -> None:
    full = object_acquisition(noise=1e-2)
    heavy = method(lamda=10.0)
    assert (heavy(full) - object_acquisition().target).norm() < 0.1 * full.target.norm()


@given(exponent=st.integers(-6, 6))
def test_the_automatic_weight_does_not_depend_on_units(exponent: int) -> None:
    acquisition = undersampled()
    scaled = Acquisition(acquisition.kspace * 10.0**exponent, acquisition.mask, acquisition.header)
    ours, theirs = (float(CSWavelet.rule(Problem.of_slices([scan]))) for scan in (acquisition, scaled))
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_the_automatic_weight_grows_with_acceleration() -> None:
    def weight(acceleration: int) -> float:
        scan = Sampling(MaskKind.EQUISPACED_FRACTION, acceleration, 0.12)(object_acquisition(noise=1e-2))
        return float(CSWavelet.rule(Problem.of_slices([scan])))

    assert weight(2) < weight(4) < weight(6)


def test_half_of_the_iterations_are_enough_for_masks_along_both_axes() -> None:
    scan = Sampling(MaskKind.POISSON, 6, 0.02)(object_acquisition(coils=8, noise=1e-2))
    target = object_acquisition().target
    default, twice = (float((CSWavelet(iterations=n)(scan) - target).norm()) for n in (64, 128))
    assert default < 1.02 * twice


@pytest.mark.slow
@pytest.mark.parametrize("name", ["brain_t1_7ch.h5", "brain_t2_4ch.h5"])
def test_the_automatic_weight_is_near_the_best_on_real_brains(real_data: Path, name: str) -> None:
    volume = open_volume(real_data / "kspace" / name)
    acquisition = Sampling(MaskKind.RANDOM, 4, 0.08)(volume.read(0))

    def psnr(**settings: float) -> float:
        return score(volume.read_target(), create("cs-wavelet", settings)(acquisition).numpy()[None]).psnr

    assert psnr() > max(psnr(lamda=lamda) for lamda in (FINE, 2e-3, COARSE)) - 0.3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["brain_t1_7ch.h5", "brain_t2_4ch.h5"])
def test_compressed_sensing_on_real_brains_does_not_get_worse(real_data: Path, name: str) -> None:
    volume = open_volume(real_data / "kspace" / name)
    image = create("cs-wavelet")(Sampling(MaskKind.RANDOM, 4, 0.08)(volume.read(0)))
    metrics = score(volume.read_target(), image.numpy()[None])
    assert metrics.psnr > 33.5
    assert metrics.ssim > 0.85
