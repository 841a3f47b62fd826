"""Circular receive loops, arranged around a head or in two planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

CLEARANCE = 1.3
"""Size of the coil former relative to the field of view; the former clears the corners of the field of view."""

ROW_HEIGHT = 75.0
"""Distance in mm between rows of loops."""

LARGEST_LOOP = 90.0
"""Largest radius of a loop in mm."""

BIRDCAGE_LOOPS = 8
"""Number of loops that stand for a birdcage when a single coil is asked for."""


@dataclass(frozen=True, eq=False)
class Loop:
    """A circular loop of wire.

    Attributes
    ----------
    centre
        `(3,)` in mm; x along the phase axis, y along the readout axis, z along the slices and the main field.
    axis
        `(3,)`: unit vector normal to the plane of the loop.
    radius
        Radius in mm.
    """

    centre: Floats
    axis: Floats
    radius: float


def arrange_around(coils: int, field_of_view: tuple[float, float], rng: np.random.Generator) -> list[Loop]:
    """Place loops on a former around the field of view, in more rows the more loops there are.

    The former is a cylinder with the section `(x/a)^4 + (y/b)^4 = 1`. It is convex and contains the field of view,
    and loops are nearly tangent to it, so that no wire crosses the head. The random tilt lets a wire reach a few mm
    into a corner of the field of view in about one array in a hundred.

    Parameters
    ----------
    coils
        Number of loops.
    field_of_view
        `(readout, phase)` in mm.
    rng
        Source of the random displacement, tilt and size of each loop.
    """
    rows = max(1, round(np.sqrt(coils / 4)))
    half_axes = CLEARANCE / 2 * np.array([field_of_view[1], field_of_view[0]])
    loops = []
    for row, members in enumerate(np.array_split(np.arange(coils), rows)):
        height = (row - (rows - 1) / 2) * ROW_HEIGHT + rng.uniform(-15, 15)
        pitch = 2 * np.pi / len(members)
        radius = min(0.6 * pitch * half_axes.mean(), LARGEST_LOOP)
        turn = rng.uniform(0, 2 * np.pi)
        for member in range(len(members)):
            section, inward = _former(turn + pitch * (member + rng.uniform(-0.15, 0.15)), half_axes)
            axis = np.array([*inward, rng.normal(0, 0.08)])
            loops.append(
                Loop(
                    centre=np.array([*section, height + rng.uniform(-8, 8)]),
                    axis=axis / np.linalg.norm(axis),
                    radius=radius * rng.uniform(0.85, 1.1),
                )
            )
    return loops


def arrange_in_planes(coils: int, field_of_view: tuple[float, float], rng: np.random.Generator) -> list[Loop]:
    """Place loops in two planes on opposite sides of the object, as in body and spine arrays.

    Parameters
    ----------
    coils
        Number of loops, half of them in each plane.
    field_of_view
        `(readout, phase)` in mm.
    rng
        Source of the orientation of the planes and of the random displacement, tilt and size of each loop.
    """
    turned = bool(rng.integers(2))  # the planes are left and right of the object rather than before and behind it
    depth, width = field_of_view[::-1] if turned else field_of_view
    loops = []
    for side, members in zip((-1, 1), np.array_split(np.arange(coils), 2), strict=True):
        radius = min(0.7 * width / max(len(members), 2), LARGEST_LOOP)
        for place in np.linspace(-0.5, 0.5, len(members)):
            along, off = width * (place + rng.normal(0, 0.04)), side * depth * rng.uniform(0.58, 0.75)
            centre, axis = np.array([along, off, rng.normal(0, 40)]), np.array([rng.normal(0, 0.1), -side, 0.0])
            if turned:
                centre, axis = centre[[1, 0, 2]], axis[[1, 0, 2]]
            loops.append(Loop(centre, axis / np.linalg.norm(axis), radius * rng.uniform(0.8, 1.2)))
    return loops


def _former(angle: float, half_axes: Floats) -> tuple[Floats, Floats]:
    """Return the point of the former in a direction, and the unit vector that points inwards there."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    section = direction / ((direction / half_axes) ** 4).sum() ** 0.25
    inward = -(section**3) / half_axes**4
    return section, inward / np.linalg.norm(inward)
