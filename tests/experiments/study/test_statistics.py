"""The tests of a study agree with scipy and with hand-calculated values."""

import math

import numpy as np
import pytest
from scipy import stats

from recon.experiments.study.statistics import PairTest, adjusted, pairwise_tests, signed_rank

# Differences of Darwin's maize, cross-fertilised minus self-fertilised, in eighths of an inch (Fisher 1935).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_signed_rank_of_known_data() -> None:
    count, median, p = signed_rank([0.0] * 15, [float(number) for number in DARWIN])
    assert (count, median) == (15, 24)
    assert p == pytest.approx(0.0413, abs=5e-5)  # exact, rank sums 96 and 24
    assert p == pytest.approx(stats.wilcoxon(DARWIN).pvalue)


def test_ten_subjects_that_all_rise_have_the_smallest_p() -> None:
    first = np.arange(10.0)
    count, median, p = signed_rank(first.tolist(), (first + 1 + first / 10).tolist())
    assert count == 10
    assert median == pytest.approx(1.45)
    assert p == pytest.approx(2 / 2**10)


def test_pairs_with_a_missing_value_do_not_count() -> None:
    first, second = [1.0, 2.0, math.nan, 4.0, 5.0], [2.0, 4.0, 9.0, math.nan, 8.0]
    assert signed_rank(first, second) == signed_rank([1.0, 2.0, 5.0], [2.0, 4.0, 8.0])
    assert signed_rank(first, second)[0] == 3


def test_rounding_does_not_break_ties() -> None:
    first = [0.1, 0.2, 0.3, 0.7, 0.9, 1.3, 1.7]
    shifted = [value + 0.1 for value in first]  # differs in the last digit from one to the next
    assert len({b - a for a, b in zip(first, shifted, strict=True)}) > 1
    assert signed_rank(first, shifted)[2] == pytest.approx(stats.wilcoxon([0.1] * 7).pvalue)


@pytest.mark.parametrize(
    ("first", "second", "count", "p"),
    [([], [], 0, math.nan), ([1.0], [3.0], 1, math.nan), ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 3, 1.0)],
)
def test_too_few_subjects_have_no_p_and_equal_ones_no_difference(
    first: list[float], second: list[float], count: int, p: float
) -> None:
    found = signed_rank(first, second)
    assert found[0] == count
    assert found[2] == pytest.approx(p, nan_ok=True)


def test_q_is_that_of_benjamini_and_hochberg() -> None:
    # Their example of 15 tests (1995, section 4): at a rate of .05 the four smallest p are rejected.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    p += [0.7590, 1.0]
    tests = adjusted(PairTest("SNR", str(number), "a", "b", 10, 1.0, value) for number, value in enumerate(p))
    np.testing.assert_allclose([test.q for test in tests], stats.false_discovery_control(p))
    assert [test.significant for test in tests] == [True] * 4 + [False] * 11


def test_a_test_without_p_does_not_count_among_the_comparisons() -> None:
    values = [0.03, math.nan, 0.04]
    tests = adjusted(PairTest("SNR", "fat", "a", "b", 10, 1.0, value) for value in values)
    assert math.isnan(tests[1].q)
    assert not tests[1].significant
    assert [tests[0].q, tests[2].q] == pytest.approx([0.04, 0.04])


def test_every_pair_is_tested_in_every_measure_and_place() -> None:
    rng = np.random.default_rng(0)
    names = [f"subject {number}" for number in range(8)]
    values = {
        (measure, place): {arm: dict(zip(names, rng.normal(size=8), strict=True)) for arm in ("a", "b", "c")}
        for measure in ("SNR", "CNR")
        for place in ("fat", "csf")
    }
    tests = pairwise_tests(values, [("a", "b"), ("c", "a")])
    assert len(tests) == 8
    for test in tests:
        arms = values[test.measure, test.place]
        theirs = stats.wilcoxon(list(arms[test.first].values()), list(arms[test.second].values()))
        assert test.p == pytest.approx(theirs.pvalue)
    np.testing.assert_allclose([test.q for test in tests], stats.false_discovery_control([test.p for test in tests]))
