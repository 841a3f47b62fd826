"""Smooth random functions of the plane."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate


def smooth_plane(shape: tuple[int, int], cells: int, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Draw a smooth field: normal values on a lattice, interpolated by cubic splines.

    Parameters
    ----------
    shape
        `(rows, columns)`.
    cells
        Nodes of the lattice along either axis; more make a rougher field.
    rng
        Where the values come from.
    device
        Where the field shall be.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`, of mean about 0 and variance below 1.
    """
    nodes = torch.from_numpy(rng.standard_normal((1, 1, cells, cells), dtype=np.float32)).to(device)
    return interpolate(nodes, size=shape, mode="bicubic", align_corners=True)[0, 0]


def coordinates(shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Give the position of every pixel along rows and columns, from -1 to 1: `(rows, 1)` and `(1, columns)`."""
    rows, columns = (torch.linspace(-1, 1, size, device=device) for size in shape)
    return rows[:, None], columns[None, :]
