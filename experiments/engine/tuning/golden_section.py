"""Find the best value of one positive parameter: try a logarithmic grid, then search by golden section."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

GOLDEN = (3 - math.sqrt(5)) / 2
"""Share of the larger segment at which golden section places the next point."""


@dataclass(frozen=True)
class Best:
    """The best value that was tried, and its score."""

    value: float
    score: float


def logarithmic_grid(low: float, high: float, points: int) -> tuple[float, ...]:
    """Return values from low to high in equal ratios; a single one is their geometric mean."""
    if points == 1:
        return (math.sqrt(low * high),)
    return tuple(float(value) for value in np.geomspace(low, high, points))


def search(score: Callable[[float], float], grid: Sequence[float], refinements: int) -> Best:
    """Find the value with the highest score.

    The search tries every value of the grid, then refines between the neighbours of the best one by golden section
    in the logarithm (Kiefer 1953), which finds the maximum of a unimodal score. At an end of the grid it refines
    inwards only.

    Parameters
    ----------
    score
        Score of a value; NaN is worse than any number.
    grid
        Positive values in ascending order.
    refinements
        Number of values to try after the grid.
    """
    tried = {value: _rank(score(value)) for value in grid}
    for _ in range(refinements if len(tried) > 1 else 0):
        value = _next_value(tried)
        tried[value] = _rank(score(value))
    best = max(tried, key=tried.__getitem__)
    return Best(best, tried[best])


def _next_value(tried: dict[float, float]) -> float:
    """Divide the larger of the two segments beside the best value, closer to that value."""
    values = sorted(tried)
    best = values.index(max(tried, key=tried.__getitem__))
    center = values[best]
    neighbours = [values[index] for index in (best - 1, best + 1) if 0 <= index < len(values)]
    farther = max((neighbour / center for neighbour in neighbours), key=lambda ratio: abs(math.log(ratio)))
    return center * farther**GOLDEN


def _rank(score: float) -> float:
    return -math.inf if math.isnan(score) else score
