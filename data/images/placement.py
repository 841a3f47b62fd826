"""Places the pixels of images in the patient, and turns images upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Geometry, Header, image_size
from recon.data.series import Frame, places_of

Millimetres = NDArray[np.float64]

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Change of axes from DICOM (left, posterior, superior) to NIfTI (right, anterior, superior)."""

UPRIGHT = {0: ((0, 1, 0), (0, 0, -1)), 1: ((1, 0, 0), (0, 0, -1)), 2: ((1, 0, 0), (0, 1, 0))}
"""Expected directions of columns and rows by the largest component of the normal: sagittal, coronal, axial."""


SAME_MM = 1e-2
"""Smallest distance between different places, in mm."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Position of an image's pixels in the patient, in mm (left, posterior, superior).

    Pixel `(row, column)` lies at `corner + row * down + column * across`.

    Attributes
    ----------
    corner
        Centre of the first pixel.
    down, across
        Vectors from one row to the next, and from one column to the next.
    normal
        Unit vector normal to the slice.
    thickness
        Thickness of the slice, in mm.
    """

    corner: Millimetres
    down: Millimetres
    across: Millimetres
    normal: Millimetres
    thickness: float

    @property
    def spacing(self) -> tuple[float, float]:
        """Distances between rows and between columns, in mm."""
        return float(np.linalg.norm(self.down)), float(np.linalg.norm(self.across))

    def square(self, shape: Sequence[int], side: float) -> tuple[int, int]:
        """Return the numbers of rows and columns of an image of this shape on square pixels with a side in mm."""
        rows, columns = (max(1, round(size * mm / side)) for size, mm in zip(shape, self.spacing, strict=True))
        return rows, columns


@dataclass(frozen=True, eq=False)
class Stack:
    """Images with their placements.

    Attributes
    ----------
    images
        float or complex `(slices, rows, columns)`.
    placements
        Placement of each image.
    oriented
        Whether the orientation is known; if not, only the pixel size of the placements is meaningful.
    description
        Name of the reconstruction.
    field_strength
        Field strength in tesla; None if unknown.
    frames
        Counters of each image; None if unknown.
    echo_times
        Echo time of each contrast, in ms; empty if unknown.
    volumetric
        Whether the images are positions along the readout of a 3-D scan.
    frame_interval
        Time from one frame of a series to the next, in ms; None if unknown.
    """

    images: NDArray[np.floating] | NDArray[np.complexfloating]
    placements: tuple[Placement, ...]
    oriented: bool
    description: str
    field_strength: float | None = None
    frames: tuple[Frame, ...] | None = None
    echo_times: tuple[float, ...] = ()
    volumetric: bool = False
    frame_interval: float | None = None


def stack(
    images: NDArray[np.float32],
    header: Header,
    matrix: tuple[int, int],
    numbers: Sequence[int] | None = None,
    description: str = "",
) -> Stack:
    """Place images by the header of the raw data or, without geometry, as an axial stack around the isocentre.

    Parameters
    ----------
    images
        float32 `(slices, rows, columns)`, cropped from the middle of the matrix.
    header
        Header of the raw data.
    matrix
        Sampled matrix `(readout, phase)`.
    numbers
        Numbers of the slices in the file; None for all slices.
    description
        Name of the reconstruction.
    """
    shape = images.shape[1], images.shape[2]
    frames, count = header.frames, len(images) if numbers is None else max(numbers) + 1
    where = header.geometry or _axial(header, range(count) if frames is None else places_of(frames))
    chosen = where if numbers is None else [where[number] for number in numbers]
    if frames is not None and numbers is not None:
        frames = tuple(frames[number] for number in numbers)
    return Stack(
        images=images,
        placements=tuple(place(one, pixel_size(header, one, matrix, shape), shape) for one in chosen),
        oriented=header.geometry is not None,
        description=description,
        field_strength=header.field_strength,
        frames=frames,
        echo_times=header.echo_times,
        volumetric=header.volumetric,
        frame_interval=header.frame_interval,
    )


def pixel_size(
    header: Header, geometry: Geometry, matrix: tuple[int, int], shape: tuple[int, int]
) -> tuple[float, float]:
    """Return the pixel size along readout and phase, in mm.

    It is the encoded field of view over the sampled matrix, unless k-space was padded with zeros. Images that are
    larger than that show the same field of view on smaller pixels.

    Parameters
    ----------
    header
        Header of the raw data.
    geometry
        Position and orientation of the slice.
    matrix
        Sampled matrix `(readout, phase)`.
    shape
        Size of the image `(readout, phase)`.
    """
    encoded, usual = header.encoded_field_of_view, image_size(header, matrix)
    padded = [size <= pixels for size, pixels in zip(shape, header.crop, strict=True)]
    # Images of a method that enlarges them show the usual field of view.
    plain = [size if fits else min(size, fewer) for size, fits, fewer in zip(shape, padded, usual, strict=True)]
    down, across = (
        (
            geometry.field_of_view[axis] / header.crop[axis]
            if encoded is None or plain[axis] > matrix[axis]
            else encoded[axis] / matrix[axis]
        )
        * (plain[axis] / shape[axis])
        for axis in (0, 1)
    )
    return down, across


def place(geometry: Geometry, pixel: tuple[float, float], shape: tuple[int, int]) -> Placement:
    """Place one image so that index `N // 2` of either axis lies at the centre of the slice.

    Parameters
    ----------
    geometry
        Position and orientation of the slice.
    pixel
        Pixel size along readout and phase, in mm.
    shape
        Size of the image `(readout, phase)`.
    """
    down = np.asarray(geometry.read_dir) * pixel[0]
    across = np.asarray(geometry.phase_dir) * pixel[1]
    row, column = shape[0] // 2, shape[1] // 2
    return Placement(
        corner=np.asarray(geometry.position) - row * down - column * across,
        down=down,
        across=across,
        normal=np.asarray(geometry.slice_dir, dtype=float),
        thickness=geometry.field_of_view[2],
    )


def same_places(placements: Sequence[Placement]) -> NDArray[np.intp]:
    """Return a number for the place of each image, the same for images at the same place."""
    table = np.stack(
        [np.concatenate([one.corner, 100 * _unit(one.down), 100 * _unit(one.across)]) for one in placements]
    )
    return np.unique(np.round(table, 2), axis=0, return_inverse=True)[1].reshape(-1)


def slice_distance(placements: Sequence[Placement]) -> float | None:
    """Return the distance between the centres of adjacent slices, in mm.

    It is None for a single slice, and for slices that are not parallel or not evenly spaced.
    """
    first = placements[0]
    if not all(np.allclose(one.normal, first.normal, atol=1e-4) for one in placements):
        return None
    heights = np.sort([float(one.corner @ first.normal) for one in placements])
    steps = np.diff(heights)
    steps = steps[steps > SAME_MM]
    return float(steps.mean()) if len(steps) and np.ptp(steps) < SAME_MM else None


def upright(image: NDArray[Any], placement: Placement) -> tuple[NDArray[Any], Placement]:
    """Transpose and flip an image so that it shows the patient as radiologists expect.

    Parameters
    ----------
    image
        `(rows, columns)`.
    placement
        Placement of the image; the returned placement keeps every pixel at its position in the patient.
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


def _axial(header: Header, places: Sequence[int]) -> list[Geometry]:
    """Make up an axial stack of adjacent slices from the number of each image's place.

    Pixel size and thickness are 1 mm where they are unknown.
    """
    thickness = header.slice_thickness or 1.0
    slices = max(places) + 1
    readout, phase = header.field_of_view or (float(header.crop[0]), float(header.crop[1]))
    return [
        Geometry(
            position=(0.0, 0.0, (place - slices // 2) * thickness),
            read_dir=(0.0, 1.0, 0.0),
            phase_dir=(1.0, 0.0, 0.0),
            slice_dir=(0.0, 0.0, 1.0),
            field_of_view=(readout, phase, thickness),
        )
        for place in places
    ]
