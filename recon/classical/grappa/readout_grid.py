"""Applies weights that vary slowly along readout, computed on a coarse grid of rows, at every position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ReadoutGrid:
    """Periodic linear interpolation from a few rows to every position along readout; zero lies at N // 2 of both.

    Attributes
    ----------
    row
        int64 `(readout,)`: the row at or below each position.
    fraction
        float32 `(readout,)`: distance from that row, in units of the distance to the next row, in [0, 1).
    cells
        int64 `(rows, slots)`: the positions that belong to each row; a spare slot holds position zero.
    slots
        int64 `(readout,)`: index of each position in the flattened cells.
    """

    row: Tensor
    fraction: Tensor
    cells: Tensor
    slots: Tensor

    @classmethod
    def of(cls, rows: int, readout: int, device: torch.device) -> ReadoutGrid:
        """Place `rows` evenly along the `readout`."""
        position = torch.arange(readout, device=device)
        scaled = (position - readout // 2) * rows + (rows // 2) * readout  # in units of 1 / readout, exact
        row = scaled.div(readout, rounding_mode="floor").remainder(rows)
        width = int(torch.bincount(row).amax())
        rank = (row[:, None] == row).tril(-1).sum(dim=1)
        slots = row * width + rank
        cells = torch.zeros(rows * width, dtype=torch.long, device=device)
        cells[slots] = position
        fraction = scaled.remainder(readout) / readout
        return cls(row, fraction, cells.reshape(rows, width), slots)

    def split(self, kspace: Tensor) -> Tensor:
        """Divide every position between the rows on either side of it, by its distance from them.

        Applying the weights of the rows to the shares equals applying interpolated weights to the positions.

        Parameters
        ----------
        kspace
            complex64 `(coils, readout, phase)`.

        Returns
        -------
        Tensor
            complex64 `(rows, coils, phase, 2 * slots)`: first the shares of what lies above a row, then below.
        """
        positions = rearrange(kspace[:, self.cells], "coil row slot line -> row coil line slot")
        fraction = self.fraction[self.cells][:, None, None]
        return torch.cat([(1 - fraction) * positions, (fraction * positions).roll(1, dims=0)], dim=-1)

    def join(self, cells: Tensor) -> Tensor:
        """Add up the shares `(rows, coils, phase, 2 * slots)` and order them as `(coils, readout, phase)`."""
        above, below = cells.chunk(2, dim=-1)
        positions = rearrange(above + below.roll(-1, dims=0), "row coil line slot -> (row slot) coil line")
        return rearrange(positions[self.slots], "x coil line -> coil x line")

    def interpolate(self, weights: Tensor, positions: slice) -> Tensor:
        """Interpolate weights `(rows, ...)` to some positions along readout."""
        row = self.row[positions]
        fraction = self.fraction[positions].reshape(-1, *[1] * (weights.ndim - 1))
        return weights[row] + fraction * (weights[(row + 1) % len(weights)] - weights[row])
