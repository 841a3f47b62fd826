"""Compare runs of variants."""

import math

import pytest

from recon.experiments.benchmark.ablation.results import compare_runs


def test_a_difference_is_told_in_standard_errors_pooled_over_all_variants() -> None:
    values = {"general": [30.0, 31.0, 32.0], "better": [33.0, 33.0, 33.0]}
    compared = compare_runs(values, "general")
    variance = 2 / 4  # squares about the means over degrees of freedom
    assert compared["better"].difference == pytest.approx(2)
    assert compared["better"].errors == pytest.approx(2 / math.sqrt(variance * 2 / 3))
    assert compared["general"].errors == 0
    assert compared["general"].spread == pytest.approx(1)


def test_single_runs_tell_no_error() -> None:
    compared = compare_runs({"general": [30.0], "other": [31.0]}, "general")["other"]
    assert compared.difference == pytest.approx(1)
    assert math.isnan(compared.errors)
    assert math.isnan(compared.spread)


def test_a_variant_that_ran_once_is_compared_by_the_spread_of_the_others() -> None:
    compared = compare_runs({"general": [30.0, 32.0], "once": [34.0]}, "general")["once"]
    assert compared.errors == pytest.approx(3 / math.sqrt(2 * 1.5))
