import pytest
import torch

from helpers.scans.cine import cine, undersampled
from recon.classical.dynamic.weight import WeightRule, coherence, weakest_level
from recon.data.masks.kind import MaskKind
from recon.solvers.problem import Problem


def problem(noise: float, kind: MaskKind = MaskKind.KT_RANDOM, acceleration: float = 4) -> Problem:
    return Problem.of_series(undersampled(cine(coils=4, noise=noise), acceleration, kind))


def test_the_weakest_samples_are_noise() -> None:
    noisy = problem(0.02)
    deviation = 0.02 * 2**0.5 / float(noisy.scale[0])
    assert weakest_level(noisy) == pytest.approx(deviation, rel=0.3)
    assert weakest_level(problem(0.04)) > 1.6 * weakest_level(noisy)


def test_equispaced_lines_are_coherent_and_random_ones_are_not() -> None:
    assert coherence(problem(0.01, MaskKind.KT_EQUISPACED).encoding.mask) == pytest.approx(1, abs=1e-4)
    assert coherence(problem(0.01).encoding.mask) < 0.3
    assert coherence(torch.ones(1, 1, 1, 8, dtype=torch.bool)) == 1


def test_the_weight_grows_with_each_of_its_causes() -> None:
    rule = WeightRule(0.1, level=1.0, acceleration=1.0, coherence=1.0)
    weight = rule(problem(0.01))
    assert rule(problem(0.03)) > weight
    assert rule(problem(0.01, acceleration=8)) > weight
    assert rule(problem(0.01, MaskKind.KT_EQUISPACED)) > weight
