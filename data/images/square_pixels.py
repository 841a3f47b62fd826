"""Cuts images to the field of view of the header and gives them its pixels, as scanners do.

A scanner measures fewer samples than its images have pixels, and other numbers along readout and phase. It cuts what
oversampling added and fills up k-space with zeros, so that the pixels are square.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Header, Size, image_size

Image = NDArray[np.float32]

MOST = 16
"""Largest credible ratio of the header's pixel size to the measured one, and of the measured one to the header's."""

MOST_PIXELS = 2**29
"""Largest number of pixels of all interpolated images; larger ones keep the measured pixels."""


def as_scanner(images: Image, header: Header, matrix: Size) -> tuple[Image, Header, Size]:
    """Cut images to the field of view by millimetres, and interpolate them to the pixels of the header.

    Zero-padding k-space is interpolation by the Dirichlet kernel. It is applied to the magnitudes, because a
    reconstruction method gives nothing else, and what falls below zero becomes zero. Images of unknown field of view,
    and of the header's pixel size, are not interpolated. No image loses resolution: where the header's pixels are
    larger than the measured ones, they are made smaller by one factor for both axes.

    Parameters
    ----------
    images
        float32 `(slices, rows, columns)`, not negative, index `N // 2` at the centre of the slice.
    header
        Header of the raw data.
    matrix
        Sampled matrix `(readout, phase)`.

    Returns
    -------
    images
        float32 `(slices, rows, columns)`, index `N // 2` at the centre of the slice.
    header, matrix
        Header and sampled matrix of a scan that has these pixels.
    """
    whole = images.shape[1], images.shape[2]
    if any(kept > usual for kept, usual in zip(whole, image_size(header, matrix), strict=True)):
        return images, header, matrix  # of a method that enlarges images
    size = [min(pair) for pair in zip(header.covered(matrix), whole, strict=True)]
    rows, columns = (slice(n // 2 - k // 2, n // 2 - k // 2 + k) for n, k in zip(whole, size, strict=True))
    images = images[:, rows, columns]
    encoded, shown = header.encoded_field_of_view, header.field_of_view
    if encoded is None or shown is None:
        return images, header, matrix
    ratios = [  # of the header's pixels to the measured ones
        extent * sampled / (pixels * whole_extent)
        for extent, sampled, pixels, whole_extent in zip(shown, matrix, header.crop, encoded, strict=True)
    ]
    if not all(1 / MOST <= ratio <= MOST for ratio in ratios):
        return images, header, matrix
    if all(abs(ratio - 1) * kept < 0.5 for ratio, kept in zip(ratios, size, strict=True)):
        return images, header, matrix  # the header rounds its millimetres
    finest = max(1.0, *(ratio if (ratio - 1) * kept >= 1 else 1.0 for ratio, kept in zip(ratios, size, strict=True)))
    steps = [ratio / finest for ratio in ratios]
    fine = [
        round(pixels * finest if extent < whole_extent * (1 + 0.5 / sampled) else sampled / step)
        for pixels, extent, whole_extent, sampled, step in zip(
            header.crop, shown, encoded, matrix, steps, strict=True
        )
    ]
    if len(images) * math.prod(fine) > MOST_PIXELS:
        return images, header, matrix
    down, across = (_dirichlet(*axis) for axis in zip(size, fine, steps, strict=True))
    finer = np.empty((len(images), *fine), np.float32)
    for image, result in zip(images, finer, strict=True):
        np.maximum(down @ image @ across.T, 0, out=result, casting="same_kind")
    rows_mm, columns_mm = (
        pixels * step * whole_extent / sampled
        for pixels, step, whole_extent, sampled in zip(fine, steps, encoded, matrix, strict=True)
    )
    extents = rows_mm, columns_mm
    made = replace(header, crop=(fine[0], fine[1]), field_of_view=extents, encoded_field_of_view=extents)
    return finer, made, (fine[0], fine[1])


def _dirichlet(samples: int, pixels: int, step: float) -> NDArray[np.float64]:
    """Return the matrix `(pixels, samples)` of trigonometric interpolation, at a distance of `step` samples.

    Index `N // 2` of the pixels lies on index `N // 2` of the samples.
    """
    where = (np.arange(pixels) - pixels // 2) * step
    angles = np.pi * (where[:, None] - (np.arange(samples) - samples // 2))
    turned = angles / samples
    wave = np.tan(turned) if samples % 2 == 0 else np.sin(turned)
    on_sample = np.abs(np.sin(turned)) < 1e-9
    return np.where(on_sample, 1.0, np.sin(angles) / np.where(on_sample, 1.0, samples * wave))
