"""Magnetic fields of loops by the law of Biot and Savart, and the receive sensitivities that follow from them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recon.simulation.loops import Floats, Loop

Maps = npt.NDArray[np.complex64]
"""Coil sensitivities `(..., coils, readout, phase)`."""


def loop_fields(loops: Sequence[Loop], points: Floats, segments: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Compute the magnetic field of a unit current in each loop, `B = 1/(4 pi) integral of dl x r / |r|^3`, mu_0 = 1.

    The trapezoidal rule on a circle converges exponentially away from the wire. Loops are summed one after the
    other, since the terms of one loop fit in the cache and those of all do not.

    Parameters
    ----------
    loops
        Loops that carry the current.
    points
        `(3, n)` in mm.
    segments
        Number of straight pieces that approximate a loop.
    dtype
        Real type of the computation.

    Returns
    -------
    Tensor
        `(loops, 3, n)`, per mm.
    """
    wires, steps = (torch.from_numpy(vectors).to(dtype) for vectors in _wires(loops, segments))
    x, y, z = torch.from_numpy(points).to(dtype)
    return torch.stack([_wire_field(wire, step, (x, y, z)) for wire, step in zip(wires, steps, strict=True)])


def receive(
    loops: Sequence[Loop], points: Floats, segments: int, dtype: torch.dtype = torch.float64
) -> npt.NDArray[np.complexfloating]:
    """Compute the receive sensitivity of each loop, `B1- = Bx - i By` of a unit current (reciprocity).

    Parameters are those of `loop_fields`; returns complex `(loops, n)`, per mm.
    """
    fields = loop_fields(loops, points, segments, dtype)
    received: npt.NDArray[np.complexfloating] = torch.complex(fields[:, 0], -fields[:, 1]).numpy()
    return received


def combine_birdcage(
    loops: Sequence[Loop], received: npt.NDArray[np.complexfloating]
) -> npt.NDArray[np.complexfloating]:
    """Combine loops around a head in quadrature, so that they add up in its middle: nearly uniform over the head.

    Parameters
    ----------
    loops
        Loops of the birdcage.
    received
        Complex `(loops, n)`, as `receive` returns it.

    Returns
    -------
    ndarray
        complex128 `(1, n)`.
    """
    quadrature = np.array([np.exp(1j * math.atan2(loop.axis[1], loop.axis[0])) for loop in loops])
    combined: npt.NDArray[np.complexfloating] = (quadrature[:, None] * received).sum(0, keepdims=True)
    return combined


def _wires(loops: Sequence[Loop], segments: int) -> tuple[Floats, Floats]:
    """Return the midpoint of every segment and the step along it, both `(loops, segments, 3)` in mm."""
    angles = np.arange(segments)[:, None] * (2 * np.pi / segments)
    centres = np.stack([loop.centre for loop in loops])[:, None]
    axes = np.stack([loop.axis for loop in loops])[:, None]
    radii = np.array([loop.radius for loop in loops])[:, None, None]
    across = np.stack([np.linalg.svd(axis)[2][1:2] for axis in axes])
    outward = np.cos(angles) * across + np.sin(angles) * np.cross(axes, across)
    return centres + radii * outward, np.cross(axes, outward) * (radii * 2 * np.pi / segments)


def _wire_field(wire: Tensor, steps: Tensor, points: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Sum the contributions of the segments `(segments, 3)` of a loop at points `(n,)` by coordinate: `(3, n)`."""
    dx, dy, dz = steps[:, None].unbind(-1)
    rx, ry, rz = (to - start for to, start in zip(points, wire[:, None].unbind(-1), strict=True))
    inverse_cube = (rx * rx + ry * ry + rz * rz).rsqrt() ** 3
    cross = (dy * rz - dz * ry, dz * rx - dx * rz, dx * ry - dy * rx)
    return torch.stack([(component * inverse_cube).sum(0) for component in cross]) * (1 / (4 * math.pi))
