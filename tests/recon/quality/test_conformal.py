import numpy as np
import pytest

from recon.quality.conformal import COVERAGES, conformal_intervals


def scans(count, rng, pixels=200):
    """Draw scans whose errors are related: each has a level of its own, and heavy tails."""
    return [np.abs(rng.standard_t(4, pixels)) * rng.lognormal(0, 0.7) for _ in range(count)]


@pytest.mark.parametrize("count", [9, 40])
def test_further_scans_are_covered_in_the_mean_whatever_the_distribution(count):
    rng = np.random.default_rng(0)
    covered = {coverage: [] for coverage in COVERAGES}
    for _ in range(300):
        intervals = conformal_intervals(scans(count, rng))
        (further,) = scans(1, rng)
        for coverage, factor in intervals:
            covered[coverage].append((further <= factor).mean())
    for coverage, shares in covered.items():
        if shares:
            margin = 3 * np.std(shares) / np.sqrt(len(shares))
            assert np.mean(shares) > coverage - margin
            assert np.mean(shares) < coverage + 1 / (count + 1) + 0.01 + margin


def test_few_scans_support_no_large_coverage():
    rng = np.random.default_rng(0)
    assert max(dict(conformal_intervals(scans(9, rng)))) == 0.9
    assert max(dict(conformal_intervals(scans(19, rng)))) == 0.95
    assert max(dict(conformal_intervals(scans(99, rng)))) == 0.99
    assert conformal_intervals([]) == ()


def test_every_scan_counts_once_however_many_pixels_it_has():
    small, large = np.full(10, 1.0), np.full(100_000, 2.0)
    intervals = dict(conformal_intervals([small] * 10 + [large]))
    assert intervals[0.8] == 1
    assert intervals[0.9] == 2


def test_intervals_widen_with_coverage():
    factors = [factor for _, factor in conformal_intervals(scans(120, np.random.default_rng(1)))]
    assert len(factors) == len(COVERAGES)
    assert factors == sorted(factors)


def test_pixels_without_any_expected_error_are_never_promised():
    scores = [np.array([0.5] * 6 + [np.inf] * 4)] * 20
    assert max(dict(conformal_intervals(scores))) == 0.55
