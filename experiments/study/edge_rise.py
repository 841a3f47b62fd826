"""Measures the sharpness of an edge: the distance over which it rises from 10 to 90 per cent of its height."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import erf

from recon.experiments.study.geometry import Frame, Points

Array = NDArray[np.float64]

RISE = 2 * 1.2815515655446004
"""Distance from 10 to 90 per cent of a normal distribution's integral, in standard deviations."""

SAMPLES_PER_PIXEL = 4
"""Number of samples of a line in a pixel's width."""

CLEAR = 2.0
"""Smallest height of an edge over the root mean square residual of the fit."""

FINEST = 0.25
"""Smallest rise in pixels; a step from one pixel to the next rises over about half of one when interpolated."""

RAYS = 32
"""Number of lines across the border of an ellipse."""


def edge_rise(profile: NDArray[np.floating], step: float, finest: float = 0.0) -> float:
    """Return the 10-90 % rise of an edge, in the units of `step`.

    A step blurred by a Gaussian of standard deviation s, `a + h / 2 erf((x - x0) / (sqrt(2) s))`, is fitted to the
    profile by least squares, and its rise is `2.563 s`. A model fitted to the whole profile is steadier in noise than
    the places where the profile passes 10 and 90 % (Ahmad et al. 2015, with a sigmoid).

    Parameters
    ----------
    profile
        Values `(samples,)` at even distances across one edge.
    step
        Distance between samples.
    finest
        Smallest rise that the profile can show; a fit that is steeper has followed the noise.

    Returns
    -------
    float
        NaN if there is no clear edge: its height is below twice the residual, it lies outside the profile, it rises
        over more than the profile, or less than `finest`.
    """
    x: Array = step * np.arange(len(profile), dtype=np.float64)
    length, end = float(x[-1]), max(len(profile) // 4, 1)
    scale = float(np.abs(profile).max()) or 1.0
    values: Array = np.asarray(profile, np.float64) / scale
    first, last = float(values[:end].mean()), float(values[-end:].mean())
    crossing = float(x[np.abs(values - (first + last) / 2).argmin()])
    guess = ((first + last) / 2, last - first, crossing, length / 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # a flat profile determines no edge
        try:
            (middle, height, place, sigma), _ = curve_fit(_blurred_step, x, values, guess, maxfev=2000)
        except RuntimeError:  # no convergence
            return math.nan
    residual = values - _blurred_step(x, middle, height, place, sigma)
    rise = RISE * abs(float(sigma))
    clear = abs(height) > CLEAR * float(np.sqrt(np.mean(residual**2))) and height != 0
    return rise if clear and 0 < place < length and finest <= rise < length else math.nan


def _blurred_step(x: Array, middle: float, height: float, place: float, sigma: float) -> Array:
    blurred: Array = middle + height / 2 * erf((x - place) / (math.sqrt(2) * max(abs(sigma), 1e-9)))
    return blurred


def line_rise(image: NDArray[np.floating], frame: Frame, start: Points, end: Points, width: float = 0.0) -> float:
    """Return the rise of an edge along a line, in mm.

    Parameters
    ----------
    image
        `(rows, columns)`.
    frame
        Frame of the image.
    start, end
        Ends of the line `(2,)`: x and y in mm.
    width
        Width over which parallel lines are averaged, in mm.
    """
    along = end - start
    across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    beside = max(round(width / min(frame.spacing)), 0)
    offsets = np.linspace(-width / 2, width / 2, beside + 1) if beside else np.zeros(1)
    profiles, step = [], 1.0
    for offset in offsets:
        profile, step = _sample(image, frame, start + offset * across, end + offset * across)
        profiles.append(profile)
    return edge_rise(np.mean(profiles, axis=0), step, FINEST * min(frame.spacing))


def border_rise(image: NDArray[np.floating], frame: Frame, lines: Sequence[tuple[Points, Points]]) -> float:
    """Return the median rise in mm along lines across a border in an image `(rows, columns)`.

    It is NaN unless half of the lines show a clear edge.
    """
    rises = np.array([line_rise(image, frame, start, end) for start, end in lines])
    clear = rises[np.isfinite(rises)]
    return float(np.median(clear)) if 2 * len(clear) >= len(rises) else math.nan


def _sample(
    image: NDArray[np.floating], frame: Frame, start: Points, end: Points
) -> tuple[NDArray[np.float64], float]:
    """Return values along a line by cubic interpolation, and the distance between them in mm."""
    length = float(np.linalg.norm(end - start))
    count = max(math.ceil(SAMPLES_PER_PIXEL * length / min(frame.spacing)), 8) + 1
    points = start + np.linspace(0, 1, count)[:, None] * (end - start)
    profile: Array = map_coordinates(
        np.asarray(image, np.float64), frame.to_pixels(points).T, order=3, mode="nearest"
    )
    return profile, length / (count - 1)
