"""Where the voxels of a stack of axial slices lie, in mm: rows run front to back, columns right to left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

HEAD_SPACE = (236.0, 196.0)
"""Room that any simulated head needs `(readout, phase)`, in mm."""

SLICE_SPACING = 6.0
"""5 mm slices with a gap of 1 mm, as clinical protocols have them."""

BRAIN_HEIGHT = 108.0
"""The part of the head that a stack may cover, from the orbits to the vertex, in mm."""


def field_of_view(shape: tuple[int, int]) -> tuple[float, float]:
    """Find the smallest field of square pixels that holds a head.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`.

    Returns
    -------
    tuple of float
        Field of view `(readout, phase)` in mm; the same for a matrix twice as fine.
    """
    pixel = max(space / size for space, size in zip(HEAD_SPACE, shape, strict=True))
    return shape[0] * pixel, shape[1] * pixel


def centred_axis(size: int, length: float) -> Floats:
    """Give the positions of `size` pixels along `length` mm, zero at index `size // 2`."""
    return (np.arange(size) - size // 2) * (length / size)


def slice_heights(slices: int) -> Floats:
    """Give the heights of the slices in mm, feet to head, centred on zero."""
    spacing = min(SLICE_SPACING, BRAIN_HEIGHT / max(slices - 1, 1))
    return (np.arange(slices) - (slices - 1) / 2) * spacing
