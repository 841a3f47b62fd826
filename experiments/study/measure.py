"""Measures signal, noise and contrast in the regions of an image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNAL, SNR, CNR = "SI", "SNR", "CNR"
REPLICA_SNR, RATIO, RISE = "replica SNR", "SI / SI ref", "edge rise"

MEASURES = {
    SNR: "SNR = SI / SD(air)",
    CNR: "CNR = (SI - SI ref) / SD(air)",
    REPLICA_SNR: "SNR by pseudo-replicas: SI / mean noise",
    RATIO: "Contrast: SI / SI ref",
    RISE: "Sharpness: 10-90 % rise of the edge [mm]",
}
"""Titles of what the tables show and the tests compare, in this order; the plain signal is in the files only."""

DECIMALS = {SNR: 1, CNR: 1, REPLICA_SNR: 1, RATIO: 3, RISE: 2}

Array = NDArray[np.floating]
Values = dict[tuple[str, str], float]
"""Values by measure and place."""


def measure_regions(
    images: Array, masks: Mapping[str, NDArray[np.bool_]], air: str, reference: str | None, noise: Array | None = None
) -> Values:
    """Measure every region but the air.

    With the mean signal SI of a region, SI_ref of the reference tissue, and the standard deviation SD of the air:

        SNR = SI / SD        CNR = (SI - SI_ref) / SD        contrast = SI / SI_ref

    The replica SNR is SI over the mean of the noise map in the region. It says how far the image would vary if the
    scan were repeated, also where a method suppresses the air (Robson et al. 2008).

    Parameters
    ----------
    images
        `(slices, rows, columns)`.
    masks
        Pixels of every region, of the images' shape.
    air, reference
        Names of the air and of the reference tissue; without the latter there are no contrasts.
    noise
        Standard deviation of the noise in every pixel, of the images' shape; None to leave out the replica SNR.

    Returns
    -------
    dict
        Values by measure and region; NaN for ratios whose denominator is zero.
    """
    signals = {name: float(images[mask].mean(dtype=np.float64)) for name, mask in masks.items()}
    deviation = float(images[masks[air]].std(ddof=1, dtype=np.float64))
    values: Values = {}
    for name, signal in signals.items():
        if name == air:
            continue
        values[SIGNAL, name] = signal
        values[SNR, name] = ratio(signal, deviation)
        if noise is not None:
            values[REPLICA_SNR, name] = ratio(signal, float(noise[masks[name]].mean(dtype=np.float64)))
        if reference is not None and name != reference:
            values[CNR, name] = ratio(signal - signals[reference], deviation)
            values[RATIO, name] = ratio(signal, signals[reference])
    return values


def ratio(numerator: float, denominator: float) -> float:
    """Return a ratio; NaN if the denominator is zero."""
    return numerator / denominator if denominator > 0 else math.nan


def summary(values: Any) -> tuple[float, float, int]:
    """Return mean, sample standard deviation and number of the finite values; NaN for those that need more."""
    finite = np.asarray(list(values), np.float64)
    finite = finite[np.isfinite(finite)]
    mean = float(finite.mean()) if len(finite) else math.nan
    return mean, float(finite.std(ddof=1)) if len(finite) > 1 else math.nan, len(finite)
