"""Find the part of a slice that is worth zooming into: where the reconstructions have the largest errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

ZOOM = 4
SMALLEST = 32

Image = NDArray[np.floating]
Window = tuple[slice, slice]
"""Rows and columns."""


def zoom_window(images: Sequence[Image], target: Image | None) -> Window:
    """Find the window, a quarter as high and wide as the image, that holds the largest share of squared error.

    Parameters
    ----------
    images
        At least one finite image `(rows, columns)`; the errors of each are normalised, so that all count alike.
    target
        Reference image `(rows, columns)`; None to look where the images differ from their mean.
    """
    reference = np.mean(images, axis=0) if target is None else target
    share = error_share(images, reference)
    rows, columns = (max(size // ZOOM, min(size, SMALLEST)) for size in share.shape)
    return fullest_window(share, rows, columns)


def error_share(images: Iterable[Image], reference: Image) -> Image:
    """Sum the squared errors of images of one shape, each divided by its own sum so that all count alike."""
    errors = [np.square(image - reference, dtype=np.float64) for image in images]
    return np.sum([error / (error.sum() or 1) for error in errors], axis=0)


def fullest_window(values: Image, rows: int, columns: int) -> Window:
    """Find the window of this size with the largest sum of values, the middle one if there are none."""
    summed = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    strips = summed[rows:] - summed[:-rows]
    sums = strips[:, columns:] - strips[:, :-columns]  # by the window's upper left corner
    middle = sums.shape[0] // 2, sums.shape[1] // 2
    top, left = np.unravel_index(sums.argmax(), sums.shape) if values.any() else middle
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)
