"""Averages scores by protocol, contrast and method, and finds the best."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recon.experiments.report.scores.score import BETTER, HEADINGS, MethodScore, partition

ALL = "all"


@dataclass(frozen=True)
class Statistic:
    """Mean and sample standard deviation over reconstructions; the deviation of a single one is NaN."""

    mean: float
    std: float


@dataclass(frozen=True)
class MeanScore:
    """Mean scores of one method over all volumes of one contrast and all seeds, under one protocol.

    Attributes
    ----------
    reconstructions
        Number of averaged reconstructions: one for each volume and seed.
    best
        Metrics in which no other method is better.
    """

    acquisition: str
    acceleration: float
    mask: str
    center_fraction: float
    seeds: tuple[int, ...]
    method: str
    volumes: int
    slices: int
    reconstructions: int
    ssim: Statistic
    psnr: Statistic
    nmse: Statistic
    ssim_foreground: Statistic
    psnr_foreground: Statistic
    detail_energy: Statistic
    detail_correlation: Statistic
    seconds: Statistic
    noise_floor: str
    best: tuple[str, ...] = ()


def sampling_title(score: MethodScore | MeanScore) -> str:
    """Name the kind of the sampling mask, the seeds and the noise floor, which all scores of one table share."""
    seeds = (score.seed,) if isinstance(score, MethodScore) else score.seeds
    numbered = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    return f"mask {score.mask}, {numbered}, noise floor {score.noise_floor}"


def comparison_key(score: MethodScore | MeanScore) -> tuple[Hashable, ...]:
    """Return a key that scores share if methods may be compared by them.

    Means share protocol, contrast and seeds; scores of single volumes share the file as well.
    """
    scan = (score.file, score.seed) if isinstance(score, MethodScore) else (ALL, score.seeds)
    return *_protocol(score), score.acquisition, *scan


def summarise(scores: Iterable[MethodScore]) -> list[MeanScore]:
    """Average scores by protocol, contrast and method, and over all contrasts if there are several.

    Mask, acceleration, centre fraction and noise floor are the protocol; scores of different ones are never averaged.
    """
    protocols = partition(filter(lambda score: score.scored, scores), _protocol)
    means: list[MeanScore] = []
    for protocol in sorted(protocols):
        contrasts = partition(protocols[protocol], lambda score: score.acquisition)
        if len(contrasts) > 1:
            contrasts[ALL] = protocols[protocol]
        for acquisition, volumes in contrasts.items():
            methods = partition(volumes, lambda score: score.method).values()
            means += _mark_best([_average(acquisition, members) for members in methods])
    return means


def best_metrics(scores: Iterable[MethodScore]) -> dict[str, tuple[str, ...]]:
    """Return, for each method on one volume, the metrics in which no other method is better."""
    rivals = [score for score in scores if score.scored]
    return {score.method: _best_of(score, rivals) for score in rivals}


def _protocol(score: MethodScore | MeanScore) -> tuple[str, float, str, str]:
    # The centre fraction is compared as text, because an unknown one is NaN, which does not equal itself.
    return score.mask, score.acceleration, f"{score.center_fraction:g}", score.noise_floor


def _average(acquisition: str, scores: Sequence[MethodScore]) -> MeanScore:
    first = scores[0]
    metrics: dict[str, Any] = {name: _statistic([getattr(score, name) for score in scores]) for name in HEADINGS}
    return MeanScore(
        acquisition=acquisition,
        acceleration=first.acceleration,
        mask=first.mask,
        center_fraction=first.center_fraction,
        seeds=tuple(sorted({score.seed for score in scores})),
        method=first.method,
        volumes=len({score.file for score in scores}),
        slices=sum({score.file: score.slices for score in scores}.values()),
        reconstructions=len(scores),
        noise_floor=first.noise_floor,
        **metrics,
    )


def _statistic(values: Sequence[float]) -> Statistic:
    """Average the available values; some scans have no fine detail or no foreground to score."""
    values = [value for value in values if not math.isnan(value)] or [math.nan]
    with np.errstate(invalid="ignore"):  # a perfect image has an infinite PSNR, whose standard deviation is NaN
        std = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Statistic(mean=float(np.mean(values)), std=std)


def _mark_best(means: list[MeanScore]) -> list[MeanScore]:
    # A method that failed on some volumes does not compete: its mean leaves out the volumes that it failed on.
    complete = max(mean.reconstructions for mean in means)
    rivals = [mean for mean in means if mean.reconstructions == complete]
    return [replace(mean, best=_best_of(mean, rivals) if mean in rivals else ()) for mean in means]


def _best_of(candidate: MethodScore | MeanScore, rivals: Sequence[MethodScore | MeanScore]) -> tuple[str, ...]:
    if len(rivals) < 2:
        return ()
    return tuple(
        metric
        for metric, better in BETTER.items()
        if _value(candidate, metric) == better(_value(rival, metric) for rival in rivals)
    )


def _value(score: MethodScore | MeanScore, metric: str) -> float:
    value = getattr(score, metric)
    return value.mean if isinstance(value, Statistic) else value
