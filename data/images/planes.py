"""Cuts the three planes through a voxel out of a volume, upright, and names them by their orientation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from recon.data.images.placement import Placement, Stack, upright

NAMES = ("sagittal", "coronal", "axial")
"""Names of planes by the axis of the patient that they are perpendicular to: left, posterior, superior."""

UNKNOWN_NAMES = ("across the slices", "across the rows", "across the columns")
"""Names of planes in a volume whose orientation is unknown, by the axis that they are perpendicular to."""

POSITION_NAMES = ("across the readout", "across phase 1", "across phase 2")
"""The same of positions along the readout of a 3-D scan."""


@dataclass(frozen=True, eq=False)
class Plane:
    """The planes of a volume that are perpendicular to one of its axes.

    Attributes
    ----------
    name
        Orientation in words.
    axis
        Axis of the volume `(slices, rows, columns)` that the planes are perpendicular to.
    placement
        Placement of the plane through the first voxel, as it is stored.
    finest
        Smallest distance between voxels along any axis, in mm, which becomes the side of square pixels.
    oriented
        Whether the orientation is known, so that planes are shown upright.
    """

    name: str
    axis: int
    placement: Placement
    finest: float
    oriented: bool

    def cut(self, volume: NDArray[np.floating], index: int) -> NDArray[np.floating]:
        """Cut one plane out of a volume `(slices, rows, columns)`; its pixels are as wide as the voxels."""
        plane: NDArray[np.floating] = np.take(volume, [index], self.axis).squeeze(self.axis)
        return upright(plane, self.placement)[0] if self.oriented else plane

    def square(self, plane: NDArray[np.floating]) -> tuple[int, int]:
        """Return the numbers of rows and columns that give a plane that was cut out square pixels."""
        placement = upright(np.empty((1, 1)), self.placement)[1] if self.oriented else self.placement
        return placement.square(plane.shape, self.finest)


def planes(stack: Stack) -> tuple[Plane, Plane, Plane]:
    """Return the planes perpendicular to the slices, the rows and the columns of a volume.

    Parameters
    ----------
    stack
        Images of one volume, at equal distances from each other.
    """
    first = stack.placements[0]
    steps = [stack.placements[-1].corner - first.corner, first.down, first.across]
    steps[0] = steps[0] / max(len(stack.placements) - 1, 1)
    if not steps[0].any():  # a single slice
        steps[0] = first.normal * first.thickness
    finest = min(float(np.linalg.norm(step)) for step in steps)
    normals = [step / np.linalg.norm(step) for step in steps]
    names = _names(normals) if stack.oriented else POSITION_NAMES if stack.volumetric else UNKNOWN_NAMES

    def plane(axis: int) -> Plane:
        down, across = (step for number, step in enumerate(steps) if number != axis)
        placement = Placement(first.corner, down, across, normals[axis], first.thickness)
        return Plane(names[axis], axis, placement, finest, stack.oriented)

    return plane(0), plane(1), plane(2)


def _names(normals: list[NDArray[np.float64]]) -> tuple[str, ...]:
    """Name each of three perpendicular planes by another axis of the patient, so that all three together fit best."""
    best = max(
        permutations(range(3)),
        key=lambda axes: sum(abs(normal[axis]) for normal, axis in zip(normals, axes, strict=True)),
    )
    return tuple(NAMES[axis] for axis in best)
