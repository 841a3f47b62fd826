"""Where the pixels of an image lie in the patient, and which way up a reader expects to see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Geometry, Header

Millimetres = NDArray[np.float64]

UPRIGHT = {0: ((0, 1, 0), (0, 0, -1)), 1: ((1, 0, 0), (0, 0, -1)), 2: ((1, 0, 0), (0, 1, 0))}
"""Where columns and rows are expected to lead, by the largest component of the normal: sagittal, coronal, axial."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Pixel `(row, column)` lies at `corner + row * down + column * across`, in mm to the left, posterior, superior.

    Attributes
    ----------
    corner
        Centre of the first pixel.
    down, across
        From one row, one column to the next.
    normal
        Unit vector of the slice.
    thickness
        Of the slice, in mm.
    """

    corner: Millimetres
    down: Millimetres
    across: Millimetres
    normal: Millimetres
    thickness: float

    @property
    def spacing(self) -> tuple[float, float]:
        """From row to row and from column to column, in mm."""
        return float(np.linalg.norm(self.down)), float(np.linalg.norm(self.across))


@dataclass(frozen=True, eq=False)
class Stack:
    """Images, and where they lie.

    Attributes
    ----------
    images
        float or complex `(slices, rows, columns)`.
    placements
        One for each.
    oriented
        Whether the raw data told the orientation; if not, the placements only hold the size of the pixels.
    description
        Names the reconstruction.
    field_strength
        In tesla; None if unknown.
    """

    images: NDArray[np.floating] | NDArray[np.complexfloating]
    placements: tuple[Placement, ...]
    oriented: bool
    description: str
    field_strength: float | None = None


def stack(
    images: NDArray[np.float32],
    header: Header,
    matrix: tuple[int, int],
    numbers: Sequence[int] | None = None,
    description: str = "",
) -> Stack:
    """Place images by the header of the raw data; without geometry, as an axial stack about the isocentre.

    Parameters
    ----------
    images
        float32 `(slices, rows, columns)`, cropped from the middle of the matrix.
    header
        Of the raw data.
    matrix
        Sampled matrix `(readout, phase)`.
    numbers
        Of the slices in the file; None if all are there.
    description
        Names the reconstruction.
    """
    shape = images.shape[1], images.shape[2]
    where = header.geometry or _axial(header, len(images) if numbers is None else max(numbers) + 1)
    chosen = where if numbers is None else [where[number] for number in numbers]
    return Stack(
        images=images,
        placements=tuple(place(one, pixel_size(header, one, matrix, shape), matrix, shape) for one in chosen),
        oriented=header.geometry is not None,
        description=description,
        field_strength=header.field_strength,
    )


def pixel_size(
    header: Header, geometry: Geometry, matrix: tuple[int, int], shape: tuple[int, int]
) -> tuple[float, float]:
    """Give the size of a pixel along readout and phase, in mm.

    It is that of the encoded field of view over the sampled matrix, until k-space was padded with zeros.

    Parameters
    ----------
    header, geometry
        Of the raw data, of the slice.
    matrix
        Sampled matrix `(readout, phase)`.
    shape
        Size of the image.
    """
    encoded = header.encoded_field_of_view
    down, across = (
        geometry.field_of_view[axis] / header.crop[axis]
        if encoded is None or shape[axis] > matrix[axis]
        else encoded[axis] / matrix[axis]
        for axis in (0, 1)
    )
    return down, across


def place(
    geometry: Geometry, pixel: tuple[float, float], matrix: tuple[int, int], shape: tuple[int, int]
) -> Placement:
    """Place one image: what has no phase in k-space, index `N // 2` of the matrix, lies at the slice's centre.

    Parameters
    ----------
    geometry
        Of the slice.
    pixel
        Size of a pixel along readout and phase, in mm.
    matrix
        Sampled matrix `(readout, phase)`.
    shape
        Size of the image at hand, cut from the middle of the matrix.
    """
    down = np.asarray(geometry.read_dir) * pixel[0]
    across = np.asarray(geometry.phase_dir) * pixel[1]
    row, column = (whole // 2 - (whole - kept) // 2 for whole, kept in zip(matrix, shape, strict=True))
    return Placement(
        corner=np.asarray(geometry.position) - row * down - column * across,
        down=down,
        across=across,
        normal=np.asarray(geometry.slice_dir, dtype=float),
        thickness=geometry.field_of_view[2],
    )


def upright(image: NDArray[Any], placement: Placement) -> tuple[NDArray[Any], Placement]:
    """Turn and mirror an image by whole quarters, so that it shows the patient as radiologists expect.

    Parameters
    ----------
    image
        `(rows, columns)`.
    placement
        Of the image; the one that is returned places every pixel where it was.
    """
    wanted_across, wanted_down = UPRIGHT[int(np.argmax(np.abs(placement.normal)))]
    if abs(np.dot(_unit(placement.down), wanted_across)) > abs(np.dot(_unit(placement.across), wanted_across)):
        image, placement = image.T, replace(placement, down=placement.across, across=placement.down)
    if np.dot(placement.down, wanted_down) < 0:
        corner = placement.corner + (len(image) - 1) * placement.down
        image, placement = image[::-1], replace(placement, corner=corner, down=-placement.down)
    if np.dot(placement.across, wanted_across) < 0:
        corner = placement.corner + (image.shape[1] - 1) * placement.across
        image, placement = image[:, ::-1], replace(placement, corner=corner, across=-placement.across)
    return image, placement


def _unit(vector: Millimetres) -> Millimetres:
    return vector / np.linalg.norm(vector)


def _axial(header: Header, slices: int) -> list[Geometry]:
    """Make up a stack of slices one above the other, with pixels of 1 mm if their size is unknown."""
    readout, phase = header.field_of_view or (float(header.crop[0]), float(header.crop[1]))
    return [
        Geometry(
            position=(0.0, 0.0, float(number - slices // 2)),
            read_dir=(0.0, 1.0, 0.0),
            phase_dir=(1.0, 0.0, 0.0),
            slice_dir=(0.0, 0.0, 1.0),
            field_of_view=(readout, phase, 1.0),
        )
        for number in range(slices)
    ]
