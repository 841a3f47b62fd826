"""Holds the results of a variant's runs, and compares them with those of another variant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from recon.experiments.benchmark.ablation.scoring import ScanScore

METRICS = ("psnr", "ssim", "detail")


@dataclass(frozen=True)
class VariantRun:
    """Cost and scores of one run of a variant.

    Attributes
    ----------
    protocol, machine
        Everything needed to repeat the numbers.
    seed
        Seed of the initial weights and of the slices.
    parameters
        Number of weights.
    gigaflops
        Operations of the convolutions for one slice, in units of 10^9; None except in the first run.
    seconds
        CPU seconds for one slice; None except in the first run.
    steps
        Number of training steps.
    scores
        Scores of every scan.
    """

    protocol: dict[str, Any]
    machine: dict[str, Any]
    seed: int
    parameters: int
    gigaflops: float | None
    seconds: float | None
    steps: int
    scores: list[ScanScore]

    def mean(self, scans: str, acceleration: float, metric: str) -> float:
        """Average a metric over the files and masks of a set of scans at an acceleration."""
        return fmean(
            getattr(one, metric) for one in self.scores if one.scans == scans and one.acceleration == acceleration
        )


@dataclass(frozen=True)
class Comparison:
    """Values of one metric in several runs, compared with those of a reference.

    Attributes
    ----------
    mean
        Mean over the runs.
    spread
        Standard deviation of one run; NaN with fewer than two.
    difference
        Difference of the means, ours minus the reference.
    errors
        That difference in units of its standard error, estimated from the spread of all variants; NaN where no
        variant ran twice.
    """

    mean: float
    spread: float
    difference: float
    errors: float


def compare_runs(values: Mapping[str, Sequence[float]], reference: str) -> dict[str, Comparison]:
    """Compare the values of every variant with those of the reference, by name.

    The variance of a run is pooled over all variants, because three runs alone hardly determine it.
    """
    freedom = sum(len(some) - 1 for some in values.values())
    squares = sum(_squares(some) for some in values.values())
    pooled = math.sqrt(squares / freedom) if freedom else math.nan
    base, result = values[reference], {}
    for name, some in values.items():
        error = pooled * math.sqrt(1 / len(some) + 1 / len(base))
        difference = fmean(some) - fmean(base)
        errors = difference / error if error else math.nan
        result[name] = Comparison(fmean(some), stdev(some) if len(some) > 1 else math.nan, difference, errors)
    return result


def compare_metric(
    runs: Mapping[str, Sequence[VariantRun]], scans: str, acceleration: float, metric: str, reference: str
) -> dict[str, Comparison]:
    """Compare a metric of every variant with that of the reference, by name."""
    values = {name: [run.mean(scans, acceleration, metric) for run in some] for name, some in runs.items()}
    return compare_runs(values, reference)


def _squares(values: Iterable[float]) -> float:
    known = list(values)
    middle = fmean(known)
    return sum((value - middle) ** 2 for value in known)
