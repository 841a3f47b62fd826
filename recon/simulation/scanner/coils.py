"""Coil sensitivities of any geometry: loops around the object or in two planes, and measured maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import grid_sample

from recon.simulation.head_coils import LARGEST_LOOP, Loop, arrange_loops, chebyshev_nodes, from_chebyshev

SEGMENTS = 32
NODES = 28
"""Along either axis, of the Chebyshev grid on which fields are computed before interpolation to pixels."""

MEASURED, PLANES = 0.25, 0.35
"""How often maps are measured ones and, of the others, how often loops lie in two planes."""

BIRDCAGE_LOOPS = 8

Maps = npt.NDArray[np.complex64]


def draw_maps(
    shape: tuple[int, int], aspect: float, coils: int, measured: Sequence[Maps], rng: np.random.Generator
) -> npt.NDArray[np.complex64]:
    """Draw what each coil receives from each pixel.

    Parameters
    ----------
    shape
        Pixels `(readout, phase)`.
    aspect
        Width of the field of view along phase over that along readout.
    coils
        Number of coils.
    measured
        Maps to choose from, complex64 `(coils, rows, columns)`; those with fewer coils are not used.
    rng
        Draws the geometry, and gain and phase of each channel.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`; the largest root sum of squares over the coils is 1.
    """
    enough = [maps for maps in measured if len(maps) >= coils > 1]
    if enough and rng.random() < MEASURED:
        maps = resample(enough[rng.integers(len(enough))], shape, coils, rng)
    else:
        field = rng.uniform(180, 400)
        maps = loop_maps(shape, (field, field * aspect), coils, rng)
    gain = rng.lognormal(0, 0.2, coils) * np.exp(2j * np.pi * rng.random(coils))
    maps = maps * gain[:, None, None].astype(np.complex64)
    largest = np.sqrt((np.abs(maps) ** 2).sum(0).max())
    normalised: npt.NDArray[np.complex64] = (maps / largest).astype(np.complex64)
    return normalised


def loop_maps(
    shape: tuple[int, int], field_of_view: tuple[float, float], coils: int, rng: np.random.Generator
) -> npt.NDArray[np.complex64]:
    """Compute the maps of loops by the law of Biot and Savart, at a slice of random height.

    Parameters
    ----------
    shape
        Pixels `(readout, phase)`.
    field_of_view
        `(readout, phase)` in mm.
    coils
        Number of loops; a single coil is a birdcage of eight in quadrature.
    rng
        Draws the geometry.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`.
    """
    arrange = arrange_planes if coils > 3 and rng.random() < PLANES else arrange_loops
    loops = arrange(BIRDCAGE_LOOPS if coils == 1 else coils, field_of_view, rng)
    y, x = chebyshev_nodes(NODES) * field_of_view[0] / 2, chebyshev_nodes(NODES) * field_of_view[1] / 2
    height = rng.uniform(-50, 50)
    on_nodes = received(loops, np.stack([*np.meshgrid(x, y), np.full((NODES, NODES), height)]).reshape(3, -1))
    on_nodes = on_nodes.reshape(len(loops), NODES, NODES)
    if coils == 1:
        quadrature = np.array([np.exp(1j * math.atan2(loop.axis[1], loop.axis[0])) for loop in loops])
        on_nodes = (quadrature[:, None, None] * on_nodes).sum(0, keepdims=True)
    down, across = (from_chebyshev(chebyshev_nodes(NODES), np.linspace(-1, 1, size)) for size in shape)
    maps: npt.NDArray[np.complex64] = (down @ on_nodes @ across.T).astype(np.complex64)
    return maps


def arrange_planes(coils: int, field_of_view: tuple[float, float], rng: np.random.Generator) -> list[Loop]:
    """Place loops in two planes, before and behind the object, as body and spine arrays lie."""
    turned = bool(rng.integers(2))  # the planes may as well be left and right of it
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


def received(loops: Sequence[Loop], points: npt.NDArray[np.floating]) -> npt.NDArray[np.complex64]:
    """Compute `B1- = Bx - i By` of unit currents in all loops at once (reciprocity).

    Parameters
    ----------
    loops
        Where the currents flow.
    points
        `(3, n)` in mm.

    Returns
    -------
    ndarray
        complex64 `(loops, n)`, per mm.
    """
    angles = np.arange(SEGMENTS) * (2 * np.pi / SEGMENTS)
    axes = np.stack([loop.axis for loop in loops])
    across = np.stack([np.linalg.svd(axis[None])[2][1] for axis in axes])
    along = np.cross(axes, across)
    outward = np.cos(angles)[:, None] * across[:, None] + np.sin(angles)[:, None] * along[:, None]
    radii = np.array([loop.radius for loop in loops])[:, None, None]
    steps = np.cross(axes[:, None], outward) * (radii * 2 * np.pi / SEGMENTS)
    wire = np.stack([loop.centre for loop in loops])[:, None] + radii * outward
    # Both in float32, which is more than enough for maps, and in one go over loops, segments and points.
    to_point = torch.from_numpy(points.T.astype(np.float32)) - torch.from_numpy(wire.astype(np.float32))[:, :, None]
    inverse_cube = to_point.square().sum(-1).rsqrt() ** 3
    dx, dy, dz = torch.from_numpy(steps.astype(np.float32))[:, :, None].unbind(-1)
    rx, ry, rz = to_point.unbind(-1)
    bx = ((dy * rz - dz * ry) * inverse_cube).sum(1)
    by = ((dz * rx - dx * rz) * inverse_cube).sum(1)
    field: npt.NDArray[np.complex64] = torch.complex(bx, -by).div(4 * math.pi).numpy()
    return field


def resample(maps: Maps, shape: tuple[int, int], coils: int, rng: np.random.Generator) -> npt.NDArray[np.complex64]:
    """See measured maps elsewhere: turned, mirrored, cut and with some of their coils, or mixtures of them.

    Parameters
    ----------
    maps
        complex64 `(all coils, rows, columns)`.
    shape
        Pixels `(readout, phase)`.
    coils
        How many are wanted; not more than there are.
    rng
        Draws all that.

    Returns
    -------
    ndarray
        complex64 `(coils, readout, phase)`.
    """
    chosen = maps[rng.permutation(len(maps))[:coils]]
    if rng.random() < 0.5:
        mixing = rng.standard_normal((2, coils, len(maps)))
        unitary = np.linalg.qr((mixing[0] + 1j * mixing[1]).T)[0].T
        chosen = np.tensordot(unitary.astype(np.complex64), maps, 1)
    turned = np.rot90(chosen, int(rng.integers(4)), axes=(1, 2))
    turned = turned[:, :: int(rng.choice([-1, 1]))]
    size, (down, across) = rng.uniform(0.7, 1.0), rng.uniform(-1, 1, 2)
    y = size * torch.linspace(-1, 1, shape[0])[:, None] + (1 - size) * down
    x = size * torch.linspace(-1, 1, shape[1])[None, :] + (1 - size) * across
    grid = torch.stack([x.expand(shape), y.expand(shape)], dim=-1)[None]
    parts = torch.view_as_real(torch.from_numpy(np.ascontiguousarray(turned))).permute(3, 0, 1, 2)
    real, imaginary = (grid_sample(part[None], grid, align_corners=True)[0] for part in parts)
    found: npt.NDArray[np.complex64] = torch.complex(real, imaginary).numpy()
    return found


def filled(maps: Maps, rounds: int = 64) -> npt.NDArray[np.complex64]:
    """Extend maps `(coils, rows, columns)` into the region where they are zero, by repeated averaging."""
    known = np.abs(maps).max(0) > 0
    full = maps.copy()
    for _ in range(rounds if not known.all() else 0):
        near = sum(np.roll(full, step, axis) for axis in (1, 2) for step in (-1, 1))
        count = sum(np.roll(known, step, axis).astype(np.float32) for axis in (0, 1) for step in (-1, 1))
        full = np.where(known, full, near / np.maximum(count, 1)).astype(np.complex64)
        known = known | (count > 0)
    return full
