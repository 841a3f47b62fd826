"""Tests pairs of arms over the subjects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import false_discovery_control, wilcoxon

LEVEL = 0.05
"""Level of significance of q."""

FEWEST = 6
"""Smallest number of subjects with which a two-sided signed-rank test can reach p < .05: 2 / 2^6 = .031."""

DIGITS = 12
"""Significant digits of a difference that count for ties; what follows is rounding."""


@dataclass(frozen=True)
class PairTest:
    """The test of one measure at one place between two arms.

    Attributes
    ----------
    measure, place
        Measured quantity, and the region or edge.
    first, second
        The two arms.
    subjects
        Number of subjects that both arms have a value of.
    difference
        Median over the subjects of the second arm minus the first.
    p
        Two-sided p of the Wilcoxon signed-rank test; NaN for fewer than two subjects.
    q
        Smallest false discovery rate at which the test counts as significant, over all tests of the study.
    """

    measure: str
    place: str
    first: str
    second: str
    subjects: int
    difference: float
    p: float
    q: float = math.nan

    @property
    def significant(self) -> bool:
        """Whether q is below .05."""
        return self.q < LEVEL


def signed_rank(first: Sequence[float], second: Sequence[float]) -> tuple[int, float, float]:
    """Return number of pairs, median difference and p of the two-sided Wilcoxon signed-rank test (Wilcoxon 1945).

    Pairs with a missing value are left out. Equal pairs are discarded, as Wilcoxon did; if all are equal, p is 1.

    Parameters
    ----------
    first, second
        Values of the same subjects, NaN where missing.
    """
    differences = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:
        return len(differences), float(differences[0]) if len(differences) else math.nan, math.nan
    scale = float(max(np.nanmax(np.abs(first)), np.nanmax(np.abs(second)))) or 1.0
    rounded = np.round(differences / scale, DIGITS)
    p = float(wilcoxon(rounded).pvalue) if rounded.any() else 1.0
    return len(differences), float(np.median(differences)), p


def adjusted(tests: Iterable[PairTest]) -> list[PairTest]:
    """Fill in q: p adjusted over all tests (Benjamini & Hochberg 1995). Tests without p do not count."""
    tests = list(tests)
    counted = [number for number, test in enumerate(tests) if not math.isnan(test.p)]
    if counted:
        rates = false_discovery_control([tests[number].p for number in counted], method="bh")
        for number, rate in zip(counted, rates.tolist(), strict=True):
            tests[number] = replace(tests[number], q=rate)
    return tests


def pairwise_tests(
    values: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]], pairs: Iterable[tuple[str, str]]
) -> list[PairTest]:
    """Test pairs of arms in every measure and place.

    Parameters
    ----------
    values
        By measure and place, by arm, by subject.
    pairs
        Names of two arms each.
    """
    tests = []
    pairs = list(pairs)
    for (measure, place), by_arm in values.items():
        for first, second in pairs:
            subjects = sorted({*by_arm.get(first, {}), *by_arm.get(second, {})})
            one, other = (
                [by_arm.get(arm, {}).get(subject, math.nan) for subject in subjects] for arm in (first, second)
            )
            tests.append(PairTest(measure, place, first, second, *signed_rank(one, other)))
    return adjusted(tests)
