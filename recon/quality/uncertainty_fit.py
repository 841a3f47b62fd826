"""Fits the calibration of an uncertainty to true errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.contract import UncertaintyCalibration
from recon.data.errors import InputError

QUANTILES = ((0.6827, 1.0), (0.9545, 2.0))
"""Shares of normal errors within one and two standard deviations, which the fit aims at."""

IGNORED = 0.1
"""Share of the scans that the fit leaves out: those it describes worst, because their reconstruction failed."""

DISTINCT = 1.2
"""Ratio of the largest to the smallest acceleration from which on its exponent is fitted."""

SMALLEST = 1e-9
"""Share of the largest error below which errors and standard deviations count as equal."""

Values = NDArray[np.floating]


class Errors(NamedTuple):
    """Pixels of a scan under one sampling: `spread`, `noise` and true `error`, `(pixels,)`; and its acceleration."""

    spread: Values
    noise: Values
    error: Values
    acceleration: float


def fit_calibration(scans: Sequence[Errors]) -> UncertaintyCalibration:
    """Fit factors and exponent by the coverage of one and of two standard deviations.

    They minimise `mean rho_t(log|e| - log(c sigma))` with the check function `rho_t(r) = max(t r, (t - 1) r)`
    (Koenker & Bassett 1978), whose minimum lies where the share `t` of the errors is smaller than `c sigma`, summed
    over `c = 1` and, with the weight 2, `c = 2`. Unlike second moments, quantiles do not depend on how heavy the
    tails are. Logarithms make faint and bright images count alike, and every scan counts once, whatever its size.

    Raises
    ------
    InputError
        If no pixel has any spread or noise, so there is nothing to fit.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    prepared = [_prepared(scan) for scan in scans]
    prepared = [scan for scan in prepared if scan.error.size]
    if not prepared:
        raise InputError("there is no pixel from which an uncertainty could be calibrated")
    accelerations = np.array([scan.acceleration for scan in prepared])
    middle = float(np.exp(np.log(accelerations).mean()))
    graded = accelerations.max() > DISTINCT * accelerations.min()

    def calibration(parameters: Values) -> UncertaintyCalibration:
        exponent = float(parameters[2]) if graded else 0.0
        return UncertaintyCalibration(
            float(np.exp(parameters[0])) / middle**exponent, exponent, float(np.exp(parameters[1]))
        )

    def loss(fitted: UncertaintyCalibration) -> float:
        losses = np.sort([_loss(fitted, scan) for scan in prepared])
        return float(losses[: int(np.ceil((1 - IGNORED) * len(losses)))].mean())

    start = np.zeros(3 if graded else 2)
    options = {"xatol": 1e-3, "fatol": 1e-6, "maxiter": 500}
    found = calibration(
        minimize(lambda values: loss(calibration(values)), start, method="Nelder-Mead", options=options).x
    )
    simpler = UncertaintyCalibration(found.spread, found.acceleration), UncertaintyCalibration(0.0, 0.0, found.noise)
    return next((one for one in simpler if loss(one) <= loss(found) + options["fatol"]), found)


def deviations(calibration: UncertaintyCalibration, scan: Errors) -> Values:
    """Return the standard deviations that a calibration expects of the errors, `(pixels,)`."""
    unseen: Values = calibration.spread * scan.acceleration**calibration.acceleration * scan.spread
    return np.hypot(unseen, calibration.noise * scan.noise)


def _prepared(scan: Errors) -> Errors:
    """Leave out pixels without spread and noise, and express the others as shares of the largest error."""
    seen = (scan.spread > 0) | (scan.noise > 0)
    unit = float(np.abs(scan.error[seen]).max(initial=0)) or 1.0
    spread, noise, error = (values[seen].astype(np.float64) / unit for values in scan[:3])
    return Errors(spread, noise, error, scan.acceleration)


def _loss(calibration: UncertaintyCalibration, scan: Errors) -> float:
    ratio = np.log(np.abs(scan.error) + SMALLEST) - np.log(deviations(calibration, scan) + SMALLEST)
    residuals = ((share, times, ratio - np.log(times)) for share, times in QUANTILES)
    return sum(times * float(np.maximum(share * rest, (share - 1) * rest).mean()) for share, times, rest in residuals)
