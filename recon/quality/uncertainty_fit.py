"""Fits the calibration of an uncertainty to true errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recon.contract import UncertaintyCalibration
from recon.data.errors import InputError

SWEEPS = 50
"""Number of reweighting sweeps; it settles within a few."""

SMALLEST = 1e-6
"""Lowest variance as a share of its predictors, so that no pixel outweighs all others."""

Values = NDArray[np.floating]


def fit_calibration(spread: Values, noise: Values, error: Values) -> UncertaintyCalibration:
    """Fit `E[e^2] = a^2 s^2 + b^2 n^2` with `a, b >= 0`.

    Least squares on the squared errors, each weighted by `1 / sigma^4` with the `sigma` of the previous sweep. This
    maximises the likelihood of normal errors and is consistent for the second moment of others. Faint and bright
    pixels, and images of any unit, count alike.

    Parameters
    ----------
    spread, noise
        The two predictors that `UncertaintyCalibration` combines, `(pixels,)`.
    error
        Image minus truth, `(pixels,)`, in the same units.

    Raises
    ------
    InputError
        If no pixel has any spread or noise, so there is nothing to fit.
    """
    seen = (spread > 0) | (noise > 0)
    if not seen.any():
        raise InputError("there is no pixel from which an uncertainty could be calibrated")
    predictors = np.stack([spread[seen], noise[seen]]).astype(np.float64) ** 2
    squares = error[seen].astype(np.float64) ** 2
    squared: Values = np.ones(2)
    for _ in range(SWEEPS):
        variance = np.maximum(squared @ predictors, SMALLEST * predictors.sum(axis=0))
        weighted = predictors / variance**2
        squared = _least_squares(weighted @ predictors.T, weighted @ squares)
    factors = np.sqrt(squared)
    return UncertaintyCalibration(float(factors[0]), float(factors[1]))


def _least_squares(normal: Values, right: Values) -> Values:
    """Solve two normal equations with non-negative entries for non-negative numbers."""
    solution: Values = np.linalg.lstsq(normal, right)[0]
    if (solution >= 0).all():
        return solution
    alone = right / normal.diagonal()
    return np.where(right * alone == (right * alone).max(), alone, 0)
