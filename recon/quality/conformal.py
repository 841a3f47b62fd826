"""Turns standard deviations into intervals with a stated coverage, by split conformal prediction over scans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

COVERAGES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)
"""Coverages for which intervals are made."""

Values = NDArray[np.floating]


def conformal_intervals(scores: Sequence[Values]) -> tuple[tuple[float, float], ...]:
    """Return coverages, each with the smallest multiple of `sigma` that covers this share of a new scan's errors.

    The pixels of one scan are alike, so that pixels of many scans are not exchangeable, but scans are. Each of the
    `K` scans therefore counts once, and the new scan counts as one whose errors are all infinite (hierarchical
    conformal prediction, Lee, Barber & Willett 2023, arXiv 2306.06342): `sum_k F_k(factor) / (K + 1) >= coverage`,
    where `F_k` is the distribution of the scores within scan `k`. A random pixel of a new scan, drawn like the
    others, is then covered with at least this probability, in the mean over scans. Single scans may be covered less,
    and there is no guarantee for scans unlike those of the calibration.

    Parameters
    ----------
    scores
        Ratios of each scan's errors to their `sigma`, `(pixels,)`. None of the scans may have been used to fit
        `sigma`.

    Returns
    -------
    tuple
        The `COVERAGES` that `K` scans can support, at most `K / (K + 1)`, with their factors.
    """
    filled = [np.abs(values) for values in scores if values.size]
    if not filled:
        return ()
    ratios = np.concatenate(filled)
    weights = np.concatenate([np.full(values.size, 1 / values.size) for values in filled]) / (len(filled) + 1)
    order = np.argsort(ratios)
    reached, ratios = np.cumsum(weights[order]), ratios[order]
    found = []
    for coverage in COVERAGES:
        index = int(np.searchsorted(reached, coverage * (1 - 1e-12)))
        if index < len(ratios) and np.isfinite(ratios[index]):
            found.append((coverage, float(ratios[index])))
    return tuple(found)
