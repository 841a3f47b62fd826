"""Where to look closely: the part of a slice in which reconstructions go wrong most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ZOOM = 4
SMALLEST = 32

Image = NDArray[np.floating]
Window = tuple[slice, slice]
"""Rows and columns."""


def zoom_window(images: Sequence[Image], target: Image | None) -> Window:
    """Find the window of a quarter of the height and width that holds most of the squared error.

    Parameters
    ----------
    images
        At least one, each `(rows, columns)` and finite; the error of each counts alike, however large it is.
    target
        Of the same shape; None to look where the images differ from their mean.
    """
    reference = np.mean(images, axis=0) if target is None else target
    errors = [np.square(image - reference, dtype=np.float64) for image in images]
    share = np.sum([error / (error.sum() or 1) for error in errors], axis=0)
    rows, columns = (max(size // ZOOM, min(size, SMALLEST)) for size in share.shape)
    held = _window_sums(share, rows, columns)
    middle = held.shape[0] // 2, held.shape[1] // 2
    top, left = np.unravel_index(held.argmax(), held.shape) if share.any() else middle
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)


def _window_sums(values: Image, rows: int, columns: int) -> Image:
    """Sum the values of every window of this size, by its upper left corner."""
    summed = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    strips = summed[rows:] - summed[:-rows]
    return strips[:, columns:] - strips[:, :-columns]
