"""Where a slice lies in the patient."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Geometry:
    """Position and orientation of one slice, in DICOM's patient coordinates (to the left, posterior, superior).

    Attributes
    ----------
    position
        Centre of the slice, in mm.
    read_dir
        Unit vector along which the readout index of the image rises.
    phase_dir
        Unit vector along which the phase index of the image rises.
    slice_dir
        Unit vector of the slice's normal.
    field_of_view
        Of the reconstructed image along readout, phase and slice (its thickness), in mm.
    """

    position: Vector
    read_dir: Vector
    phase_dir: Vector
    slice_dir: Vector
    field_of_view: Vector


def are_orthonormal(directions: NDArray[np.floating]) -> bool:
    """Tell whether each of `(..., 3, 3)` holds three unit vectors, each at right angles to the others."""
    if not (np.abs(directions) < 2).all():  # whose product might overflow
        return False
    return np.allclose(directions @ np.swapaxes(directions, -1, -2), np.eye(3), atol=1e-3)


def can_be(geometry: tuple[Geometry, ...]) -> bool:
    """Tell whether every slice has a place, an orientation and a size."""
    table = as_table(geometry).reshape(-1, 5, 3)
    return bool(np.isfinite(table).all() and are_orthonormal(table[:, 1:4]) and (table[:, 4] > 0).all())


def as_table(geometry: tuple[Geometry, ...]) -> NDArray[np.float64]:
    """Write slices as rows of 15 numbers: the fields of `Geometry` one after the other."""
    return np.array([[number for vector in astuple(one) for number in vector] for one in geometry], np.float64)


def from_table(table: NDArray[np.float64]) -> tuple[Geometry, ...]:
    """Read what `as_table` wrote."""
    return tuple(Geometry(*(tuple(vector) for vector in row.reshape(5, 3).tolist())) for row in table)
