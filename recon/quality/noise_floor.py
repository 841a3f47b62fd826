"""Raises an image to the noise floor of a full scan, by one rule for every method."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.calibration.noise import noise_variance
from recon.data.acquisition import Acquisition

WINDOW = 9
"""Pixels along either axis over which power is averaged."""

DARKEST = 0.05
"""Share of the image that is taken to hold nothing but its floor."""

RULE = "every image: sqrt(image^2 + max(0, noise power of a full scan - power in the darkest 5 % of the image))"
"""The rule of `with_noise_floor` as protocols record it."""


def with_noise_floor(image: Tensor, acquisition: Acquisition) -> Tensor:
    """Raise an image's floor to that of a full scan: `sqrt(image^2 + max(0, N - D))`.

    The root sum of squares of a full scan, which scores compare with, is `E[t^2] = s^2 + N` in the mean: on top of
    the signal `s^2` each pixel holds the power `N = sum_c sigma_c^2` of the noise of all coils (Gudbjartsson & Patz
    1995, `E[M^2] = A^2 + 2 sigma^2` for one coil). It shows as a grey veil over the air. An image from fewer samples
    holds a lower floor `D`, which is read where it shows: in the darkest part of the image.

    The image gets the noise that it lacks, whichever method made it. Where the measured lines of all coils are put
    back and the others hold no noise, as in a zero-filled image, `D` is the noise of the measured lines, and `N - D`
    that of the lines that were left out. An image that is black in the air, combined under masked maps, lacks all of
    `N`. One that is as noisy as a full scan, or that a network has learned from noisy targets, lacks nothing. A
    method's own noise, such as the `g sqrt(R)` of SENSE, is not made up for: nothing is ever subtracted.

    Parameters
    ----------
    image
        real `(rows, columns)`.
    acquisition
        The slice that it was reconstructed from, k-space `(coils, readout, phase)`. The noise is that of the noise
        scan if there is one, else estimated from k-space; padding and what the scanner left at zero hold none.
    """
    lacking = full_scan_floor(acquisition) - present_floor(image, acquisition.coils)
    return torch.sqrt(image.square() + lacking.clamp(min=0))


def full_scan_floor(acquisition: Acquisition) -> Tensor:
    """Return the mean noise power in a pixel of the full scan's root sum of squares, real `()`."""
    return noise_variance(acquisition).sum() * acquired_share(acquisition)


def present_floor(image: Tensor, coils: int) -> Tensor:
    """Return the mean power in the darkest part of an image `(rows, columns)`, real `()`.

    It is a low quantile of the power averaged over a window about each pixel, corrected for the spread that this
    average has in pure noise of independent coils.
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    samples = coils * min(WINDOW, image.shape[-2]) * min(WINDOW, image.shape[-1])
    power = avg_pool2d(image.square()[None], WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)
    return power.quantile(DARKEST) * (samples / float(gammaincinv(samples, DARKEST)))


def acquired_share(acquisition: Acquisition) -> float:
    """Return the share of k-space that a full scan measures; the rest is zero and brings no noise."""
    first, last = acquisition.header.padding
    rows = acquisition.kspace.any(dim=0).any(dim=-1)
    if acquisition.mask.ndim == 2:
        rows = rows | ~acquisition.mask.any(dim=-1)  # rows that the mask left out
    return float(rows.float().mean()) * (last - first) / acquisition.matrix[1]
