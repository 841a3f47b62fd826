"""Receive sensitivities of loop coils around a head, from the law of Biot and Savart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.simulation.phantom.grid import Floats, centred_axis, field_of_view, slice_heights

Maps = npt.NDArray[np.complex64]

SEGMENTS = 48
"""Of a loop; the trapezoidal rule on a circle converges exponentially away from the wire."""

NODES = 32
"""Of the Chebyshev grid along the shorter side, on which fields are computed before interpolation to pixels."""

CLEARANCE = 1.3
"""Size of the coil former relative to the field of view, which lies inside it with its corners."""

ROW_HEIGHT = 75.0
"""Distance in mm between rows of loops."""

LARGEST_LOOP = 90.0
"""Radius in mm."""

BIRDCAGE_LOOPS = 8


@dataclass(frozen=True, eq=False)
class Loop:
    """A circular loop of wire.

    Attributes
    ----------
    centre
        `(3,)` in mm; x along the phase axis, y along the readout axis, z along the slices and the main field.
    axis
        `(3,)`: unit vector normal to its plane.
    radius
        In mm.
    """

    centre: Floats
    axis: Floats
    radius: float


def loop_field(points: Floats, loop: Loop) -> Floats:
    """Compute the magnetic field of a unit current, `B = 1/(4 pi) integral of dl x r / |r|^3`, mu_0 = 1.

    Parameters
    ----------
    points
        `(3, n)` in mm.
    loop
        Where the current flows.

    Returns
    -------
    ndarray
        `(3, n)`, per mm.
    """
    across = np.linalg.svd(loop.axis[None])[2][1]
    along = np.cross(loop.axis, across)
    field = np.zeros_like(points)
    for angle in np.arange(SEGMENTS) * (2 * np.pi / SEGMENTS):
        outward = np.cos(angle) * across + np.sin(angle) * along
        step = np.cross(loop.axis, outward) * (loop.radius * 2 * np.pi / SEGMENTS)
        to_point = points - (loop.centre + loop.radius * outward)[:, None]
        field += np.cross(step, to_point, axisb=0).T / np.linalg.norm(to_point, axis=0) ** 3
    return field / (4 * np.pi)


def arrange_loops(coils: int, field_of_view: tuple[float, float], rng: np.random.Generator) -> list[Loop]:
    """Place loops on a former around the field of view: one row for a few, more rows for many, each a bit off.

    The former is a cylinder with the section `(x/a)^4 + (y/b)^4 = 1`. It is convex and holds the field of view, and
    loops are tangent to it, so that no wire crosses the image.

    Parameters
    ----------
    coils
        Number of loops.
    field_of_view
        `(readout, phase)` in mm.
    rng
        Moves, tilts and resizes the loops.
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


def loop_coil_maps(shape: tuple[int, int], slices: int, coils: int, rng: np.random.Generator) -> Maps:
    """Compute what each coil receives from each voxel: `B1- = Bx - i By` (reciprocity).

    A single coil is a birdcage: eight loops in quadrature, nearly uniform over the head.

    Parameters
    ----------
    shape
        Matrix `(readout, phase)`.
    slices, coils
        Their numbers.
    rng
        Draws the geometry, and gain and phase of each channel.

    Returns
    -------
    ndarray
        complex64 `(slices, coils, readout, phase)`; the largest root sum of squares over the coils is 1.
    """
    size = field_of_view(shape)
    rows, columns = (chebyshev_nodes(round(NODES * mm / min(size))) for mm in size)
    z, y, x = np.meshgrid(slice_heights(slices), rows * size[0] / 2, columns * size[1] / 2, indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()])

    loops = arrange_loops(BIRDCAGE_LOOPS if coils == 1 else coils, size, rng)
    received = [_b1_minus(points, loop).reshape(z.shape) for loop in loops]
    if coils == 1:
        in_phase = [field * _quadrature(loop) for field, loop in zip(received, loops, strict=True)]
        received = [np.sum(in_phase, axis=0)]
    gain = rng.lognormal(0, 0.1, coils) * np.exp(2j * np.pi * rng.random(coils))
    on_nodes = np.stack(received, axis=1) * gain[:, None, None]

    to_rows = from_chebyshev(rows, 2 * centred_axis(shape[0], size[0]) / size[0])
    to_columns = from_chebyshev(columns, 2 * centred_axis(shape[1], size[1]) / size[1])
    maps = (to_rows @ on_nodes @ to_columns.T).astype(np.complex64)
    largest = np.sqrt((np.abs(maps) ** 2).sum(axis=1).max())
    normalised: Maps = maps / largest
    return normalised


def _former(angle: float, half_axes: Floats) -> tuple[Floats, Floats]:
    """Give the point of the former in a direction, and the unit vector that points inwards there."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    section = direction / ((direction / half_axes) ** 4).sum() ** 0.25
    inward = -(section**3) / half_axes**4
    return section, inward / np.linalg.norm(inward)


def _b1_minus(points: Floats, loop: Loop) -> npt.NDArray[np.complex128]:
    field = loop_field(points, loop)
    received: npt.NDArray[np.complex128] = field[0] - 1j * field[1]
    return received


def _quadrature(loop: Loop) -> complex:
    """Give the phase that makes loops around a head add up in its middle."""
    return complex(np.exp(1j * np.arctan2(loop.axis[1], loop.axis[0])))


def chebyshev_nodes(order: int) -> Floats:
    """Give the positions in (-1, 1) at which a polynomial is best known (Chebyshev points of the first kind)."""
    return np.cos(np.pi * (np.arange(order) + 0.5) / order)


def from_chebyshev(nodes: Floats, positions: Floats) -> Floats:
    """Build the matrix `(positions, nodes)` that evaluates a polynomial known on Chebyshev nodes (barycentric)."""
    order = len(nodes)
    weights = (-1.0) ** np.arange(order) * np.sin(np.pi * (np.arange(order) + 0.5) / order)
    distance = positions[:, None] - nodes
    distance[distance == 0] = np.finfo(float).tiny
    terms: Floats = weights / distance
    return terms / terms.sum(axis=1, keepdims=True)
