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

    The trapezoidal rule on a circle converges exponentially away from the wire. Loops are treated one after the
    other because the terms of one loop fit in the cache: for 32 loops this halves the time of a single large batch.

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
    x, y, z = torch.from_numpy(points).to(dtype)
    return torch.stack([_loop_field(loop, (x, y, z), segments) for loop in loops])


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


def _loop_field(loop: Loop, points: tuple[Tensor, Tensor, Tensor], segments: int) -> Tensor:
    """Compute the field `(3, n)` of one loop at points given by their coordinates, each `(n,)`."""
    x, y, z = points
    angles = np.arange(segments)[:, None] * (2 * np.pi / segments)
    across = np.linalg.svd(loop.axis[None])[2][1]
    along = np.cross(loop.axis, across)
    outward = np.cos(angles) * across + np.sin(angles) * along
    wire = loop.centre + loop.radius * outward
    steps = np.cross(loop.axis, outward) * (loop.radius * 2 * np.pi / segments)
    # Each coordinate is (segments, 1), each offset (segments, n).
    wire_x, wire_y, wire_z = torch.from_numpy(wire).to(x.dtype)[:, None].unbind(-1)
    dx, dy, dz = torch.from_numpy(steps).to(x.dtype)[:, None].unbind(-1)
    rx, ry, rz = x - wire_x, y - wire_y, z - wire_z
    inverse_cube = (rx * rx + ry * ry + rz * rz).rsqrt() ** 3
    cross = (dy * rz - dz * ry, dz * rx - dx * rz, dx * ry - dy * rx)
    return torch.stack([(component * inverse_cube).sum(0) for component in cross]) * (1 / (4 * math.pi))
