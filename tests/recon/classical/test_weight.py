from dataclasses import replace

import pytest
import torch

from helpers.scans.heads import simulated_head
from helpers.scans.objects import object_acquisition
from recon.classical.compressed_sensing import CSWavelet
from recon.classical.weight import sense_weight, weakest_levels
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.experiments.engine.scores.metrics import score
from recon.registry import create
from recon.solvers.problem import Problem


def problem(noise: float, acceleration: float = 4, scale: float = 1.0) -> Problem:
    full = object_acquisition(coils=8, readout=60, phase=64, noise=noise)
    scan = Sampling(MaskKind.POISSON, acceleration, 0.02)(replace(full, kspace=full.kspace * scale))
    return Problem.of_slices([scan])


@pytest.mark.parametrize("noise", [1e-2, 3e-2])
def test_the_weakest_samples_of_a_noisy_scan_show_the_noise(noise: float) -> None:
    posed = problem(noise)
    expected = noise / float(posed.scale)
    assert float(weakest_levels(posed)) == pytest.approx(expected, rel=0.25)


def test_each_problem_of_a_batch_has_its_own_level() -> None:
    full = object_acquisition(coils=8, readout=60, phase=64, noise=1e-2)
    scans = [Sampling(MaskKind.POISSON, 6, 0.02, seed)(full) for seed in (1, 2)]
    together = weakest_levels(Problem.of_slices(scans))
    torch.testing.assert_close(together, torch.cat([weakest_levels(Problem.of_slices([one])) for one in scans]))


def test_the_weight_grows_with_the_noise_and_has_no_units() -> None:
    weights = [float(CSWavelet.rule(problem(noise))) for noise in (3e-3, 1e-2, 3e-2)]
    assert weights[0] < weights[1] < weights[2]
    assert float(CSWavelet.rule(problem(1e-2, scale=1e-6))) == pytest.approx(weights[1], rel=1e-3)


def test_a_scan_of_nothing_has_a_weight_of_zero() -> None:
    posed = problem(1e-2)
    assert float(weakest_levels(replace(posed, measured=torch.zeros_like(posed.measured)))) == 0


@pytest.mark.parametrize("name", ["cs-wavelet", "cs-tv", "sense"])
@pytest.mark.parametrize("acceleration", [4, 8])
def test_the_weight_is_near_the_best_for_masks_along_both_axes(name: str, acceleration: int) -> None:
    full = simulated_head((96, 90), 8, 60.0, 4)
    scan = Sampling(MaskKind.POISSON, acceleration, 0.03)(full)

    def psnr(**settings: float) -> float:
        return score(full.target.numpy()[None], create(name, settings)(scan).numpy()[None]).psnr

    best = max(psnr(lamda=weight) for weight in (5e-4, 1e-3, 2e-3, 4e-3, 8e-3))
    assert psnr() > best - 0.6


def test_masks_along_phase_keep_the_weight_of_sense() -> None:
    scan = Sampling(MaskKind.RANDOM, 3, 0.2)(object_acquisition(noise=1e-2))
    assert sense_weight(Problem.of_slices([scan])) == 3e-3
