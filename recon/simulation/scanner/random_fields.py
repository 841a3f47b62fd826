"""Draws smooth random functions of the plane."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate


def smooth_plane(shape: tuple[int, int], cells: int, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Draw a smooth field: normal values on a lattice, interpolated by cubic convolution.

    Parameters
    ----------
    shape
        `(rows, columns)`.
    cells
        Number of lattice nodes along either axis; more nodes make a rougher field.
    rng
        Source of the values.
    device
        Device of the field.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`, with a mean of about 0 and a variance below 1.
    """
    nodes = torch.from_numpy(rng.standard_normal((1, 1, cells, cells), dtype=np.float32)).to(device)
    return interpolate(nodes, size=shape, mode="bicubic", align_corners=True)[0, 0]


def coordinates(shape: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the positions of the pixels along rows and columns, from -1 to 1: `(rows, 1)` and `(1, columns)`."""
    rows, columns = (torch.linspace(-1, 1, size, device=device) for size in shape)
    return rows[:, None], columns[None, :]
