"""Every method that reconstructs all frames of a series together is tested on a beating heart."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from helpers.scans.cine import cine, psnr, undersampled
from recon.classical.dynamic.iterative import mean_image
from recon.classical.dynamic.kt_sense import KtSense
from recon.classical.dynamic.low_rank_sparse import LowRankSparse
from recon.classical.dynamic.temporal_variation import CSTemporalVariation
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import SERIES, MaskKind
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.registry import create, method_names, setting_names
from recon.solvers.problem import Problem

METHODS = [name for name in method_names() if not create(name).trained and create(name).takes_series]
every_method = pytest.mark.parametrize("name", METHODS)


@cache
def heart(kind: MaskKind = MaskKind.KT_RANDOM, acceleration: float = 6) -> tuple[Acquisition, ...]:
    return tuple(undersampled(cine(), acceleration, kind))


def images(method: Reconstruction, series: tuple[Acquisition, ...]) -> Tensor:
    return torch.stack(method.batch(series))


def change(frame: Acquisition, factor: float) -> Acquisition:
    return replace(frame, kspace=frame.kspace * factor)


def test_there_are_three_of_them() -> None:
    assert {"l+s", "cs-ktv", "kt-sense"} <= set(METHODS)


@pytest.mark.parametrize(
    ("name", "single", "gain"),
    [("l+s", "cs-wavelet", 1.0), ("cs-ktv", "cs-wavelet", 2.0), ("kt-sense", "sense", 0.1)],
)
def test_frames_together_are_better_than_each_alone(name: str, single: str, gain: float) -> None:
    alone = [create(single)(frame) for frame in heart()]
    assert psnr(create(name).batch(heart()), heart()) > psnr(alone, heart()) + gain


@every_method
@pytest.mark.parametrize("kind", SERIES)
def test_a_full_series_gives_the_targets(name: str, kind: MaskKind) -> None:
    full = tuple(undersampled(cine(noise=0), 1, kind))
    assert psnr(create(name).batch(full), full) > 45


@every_method
def test_lines_that_only_the_mean_over_time_holds_calibrate_the_series(name: str) -> None:
    series = heart(MaskKind.KT_EQUISPACED, 4)
    assert psnr(create(name).batch(series), series) > psnr([frame.target * 0 for frame in series], series) + 15


@every_method
@pytest.mark.parametrize("factor", [1e-7, 1e7])
def test_units_do_not_matter(name: str, factor: float) -> None:
    series = images(create(name), tuple(change(frame, factor) for frame in heart()))
    torch.testing.assert_close(series / factor, images(create(name), heart()), rtol=2e-3, atol=2e-4)


@every_method
def test_a_frame_without_signal_changes_no_other_one_beyond_recognition(name: str) -> None:
    series = (*heart()[:3], change(heart()[3], 0), *heart()[4:])
    result = images(create(name), series)
    assert result.isfinite().all()
    others = [0, 1, 2, 4, 5, 6, 7]
    assert psnr([result[number] for number in others], [series[number] for number in others]) > 18


@every_method
def test_a_silent_series_is_black(name: str) -> None:
    assert not images(create(name), tuple(change(frame, 0) for frame in heart())).any()


@every_method
def test_one_coil_is_enough(name: str) -> None:
    series = tuple(undersampled(cine(coils=1), 3))
    zero_filled = [create("zero-filled")(frame) for frame in series]
    assert psnr(create(name).batch(series), series) > psnr(zero_filled, series) + 2


@every_method
def test_a_single_frame_is_a_series(name: str) -> None:
    (frame,) = undersampled(cine(frames=1), 2, center_lines=10)
    assert psnr([create(name)(frame)], [frame]) > psnr([create("zero-filled")(frame)], [frame])


@every_method
def test_frames_of_other_sizes_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="the frames of a series differ in size"):
        create(name).batch([*heart(), *undersampled(cine(frames=1, phase=48))])


@every_method
def test_a_stage_behind_it_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a stage needs the complex image"):
        create(f"{name}+gain")


@pytest.mark.slow
@every_method
def test_the_automatic_weight_is_close_to_the_best_one(name: str) -> None:
    best = BestWeight(create(name)).batch(heart())
    assert psnr(create(name).batch(heart()), heart()) > psnr(best, heart()) - 1.0


def differences(solution: Tensor, problem: Problem) -> float:
    return float((problem.encoding.forward(solution) - problem.measured).abs().square().sum() / 2)


def low_rank_plus_sparse(parts: Tensor, problem: Problem, lamda: float, low_rank: float) -> float:
    background, moving = parts
    nuclear = torch.linalg.svdvals(background.flatten(1)).sum() * low_rank * background[0].numel() ** 0.5
    sparsity = torch.fft.fft(moving, dim=0, norm="ortho").abs().sum()
    return differences(background + moving, problem) + lamda * float(nuclear + sparsity)


def test_more_iterations_of_low_rank_plus_sparse_lower_the_objective() -> None:
    problem = Problem.of_series(heart())
    start = mean_image(problem).expand(8, -1, -1, -1)
    objectives = [low_rank_plus_sparse(torch.stack([start, 0 * start]), problem, 1e-3, 0.8)]
    for iterations in (5, 10, 20, 40):
        method = LowRankSparse(lamda=1e-3, low_rank=0.8, iterations=iterations)
        objectives.append(low_rank_plus_sparse(method.parts(problem), problem, 1e-3, 0.8))
    assert objectives == sorted(objectives, reverse=True)


def test_more_iterations_of_temporal_variation_lower_the_objective() -> None:
    problem = Problem.of_series(heart())
    objectives = []
    for iterations in (10, 20, 40, 80):
        solution = CSTemporalVariation(lamda=1e-3, iterations=iterations).solve(problem)
        variation = solution.diff(dim=0)
        penalty = float(variation.real.abs().sum() + 1.5 * variation.imag.abs().sum())
        objectives.append(differences(solution, problem) + 1e-3 * penalty)
    assert objectives == sorted(objectives, reverse=True)


def test_kt_sense_solves_its_normal_equations() -> None:
    problem = Problem.of_series(heart())
    mean = mean_image(problem).expand(8, -1, -1, -1)
    solution = KtSense(lamda=1e-2, passes=1, iterations=200).solve(problem)
    gradient = problem.encoding.adjoint(problem.encoding.forward(solution) - problem.measured)
    expected = problem.brightness.unsqueeze(1)
    stationary = gradient + 1e-2 * (solution - mean) / expected
    assert (expected * stationary).norm() < 1e-3 * problem.encoding.adjoint(problem.measured).norm()


def test_weights_of_both_priors_of_low_rank_plus_sparse_are_settings() -> None:
    assert setting_names("l+s") == ["lamda", "low_rank", "iterations"]
    assert create("l+s", {"low_rank": "0.5"}) == LowRankSparse(low_rank=0.5)
    with pytest.raises(InputError, match="method l\\+s, setting lamda"):
        create("l+s", {"lamda": "-1"})
