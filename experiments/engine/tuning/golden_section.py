"""The best value of one positive parameter, found by trying: a grid in the logarithm, then golden section."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

GOLDEN = (3 - math.sqrt(5)) / 2
"""Share of the larger segment at which golden section places the next point."""


@dataclass(frozen=True)
class Best:
    """The best value that was tried, its score, and how many values were tried."""

    value: float
    score: float
    evaluations: int


def logarithmic_grid(low: float, high: float, points: int) -> tuple[float, ...]:
    """Spread values from low to high, in equal ratios; a single one lies in the middle."""
    if points == 1:
        return (math.sqrt(low * high),)
    return tuple(float(value) for value in np.geomspace(low, high, points))


def search(score: Callable[[float], float], grid: Sequence[float], refinements: int) -> Best:
    """Find where a score is highest.

    Every value of the grid is tried; between the neighbours of the best one follows a golden-section search in the
    logarithm (Kiefer 1953), which finds the maximum of a unimodal score. At an end of the grid the search goes
    inwards only.

    Parameters
    ----------
    score
        Of a value; what is not a number is worse than any number.
    grid
        Positive values, ascending.
    refinements
        How many values to try after the grid.
    """
    tried = {value: _rank(score(value)) for value in grid}
    for _ in range(refinements if len(tried) > 1 else 0):
        value = _next_value(tried)
        tried[value] = _rank(score(value))
    best = max(tried, key=tried.__getitem__)
    return Best(best, tried[best], len(tried))


def _next_value(tried: dict[float, float]) -> float:
    """Divide the larger of the two segments beside the best value, nearer to that value."""
    values = sorted(tried)
    best = values.index(max(tried, key=tried.__getitem__))
    center = values[best]
    neighbours = [values[index] for index in (best - 1, best + 1) if 0 <= index < len(values)]
    farther = max((neighbour / center for neighbour in neighbours), key=lambda ratio: abs(math.log(ratio)))
    return center * farther**GOLDEN


def _rank(score: float) -> float:
    return -math.inf if math.isnan(score) else score
