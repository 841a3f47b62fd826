"""The golden-section search finds the best value of one parameter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.experiments.engine.tuning.golden_section import logarithmic_grid, search

GRID = logarithmic_grid(1e-4, 1.0, 5)


@given(st.floats(-4, 0), st.floats(0.2, 5), st.floats(0.2, 5))
def test_the_search_finds_the_maximum_of_a_unimodal_score(peak: float, left: float, right: float) -> None:
    def score(value: float) -> float:
        distance = math.log10(value) - peak
        return -(left if distance < 0 else right) * distance**2

    best = search(score, GRID, 14)
    assert abs(math.log10(best.value) - peak) < 0.01


@given(st.integers(1, 8), st.integers(0, 8), st.floats(-6, 2))
def test_evaluations_are_bounded(points: int, refinements: int, peak: float) -> None:
    tried: dict[float, float] = {}

    def score(value: float) -> float:
        tried[value] = -abs(math.log10(value) - peak)
        return tried[value]

    best = search(score, logarithmic_grid(1e-4, 1.0, points), refinements)
    assert len(tried) <= points + refinements
    assert all(1e-4 <= value <= 1 for value in tried)
    assert tried[best.value] == best.score == max(tried.values())


def test_refining_never_leaves_the_neighbourhood_of_the_best_point_of_the_grid() -> None:
    tried: list[float] = []

    def score(value: float) -> float:
        tried.append(value)
        return -abs(math.log(value / 2e-2))

    search(score, GRID, 6)
    assert all(1e-3 < value < 1e-1 for value in tried[len(GRID) :])


def test_nan_never_wins() -> None:
    assert search(lambda value: math.nan if value > 1e-3 else -value, GRID, 4).value == pytest.approx(1e-4)
