"""Voxel positions of a stack of axial slices, in mm: rows run front to back, columns right to left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

HEAD_SPACE = (236.0, 196.0)
"""Space that holds any simulated head, `(readout, phase)` in mm."""

SLICE_SPACING = 6.0
"""Distance between slices in mm: 5 mm slices with a gap of 1 mm, as in clinical protocols."""

BRAIN_HEIGHT = 108.0
"""Largest height of a stack in mm, from the orbits to the vertex."""


def field_of_view(shape: tuple[int, int]) -> tuple[float, float]:
    """Return the smallest field of view of square pixels that holds a head.

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
    """Return the positions of `size` pixels along `length` mm, zero at index `size // 2`."""
    return (np.arange(size) - size // 2) * (length / size)


def slice_heights(slices: int) -> Floats:
    """Return the heights of the slices in mm, feet to head, centred on zero."""
    spacing = min(SLICE_SPACING, BRAIN_HEIGHT / max(slices - 1, 1))
    return (np.arange(slices) - (slices - 1) / 2) * spacing
