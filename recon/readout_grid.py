"""A coarse grid along readout: where weights that vary slowly are computed, and how they are applied in between."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ReadoutGrid:
    """Linear interpolation, periodic, from few rows to every position along readout; both have zero at N // 2.

    Attributes
    ----------
    row
        int64 `(readout,)`: the row at or below each position.
    fraction
        float32 `(readout,)`: the way from there to the next row, in [0, 1).
    cells
        int64 `(rows, slots)`: the positions that belong to each row; a slot to spare holds position zero.
    slots
        int64 `(readout,)`: where in the flattened cells each position is.
    """

    row: Tensor
    fraction: Tensor
    cells: Tensor
    slots: Tensor

    @classmethod
    def of(cls, rows: int, readout: int, device: torch.device) -> ReadoutGrid:
        """Spread `rows` evenly over the `readout`."""
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
        """Sort `(coils, readout, phase)` by rows, `(rows, slots, coils, phase)`."""
        return rearrange(kspace[:, self.cells], "coil row slot line -> row slot coil line").contiguous()

    def join(self, cells: Tensor) -> Tensor:
        """Put `(rows, slots, coils, phase)` back in order, `(coils, readout, phase)`."""
        return rearrange(cells.flatten(0, 1)[self.slots], "x coil line -> coil x line")

    def apply(self, weights: Tensor, cells: Tensor) -> Tensor:
        """Multiply by weights that are interpolated between the rows.

        Parameters
        ----------
        weights
            complex64 `(rows, outputs, inputs)`.
        cells
            complex64 `(rows, slots, inputs, columns)`.

        Returns
        -------
        Tensor
            complex64 `(rows, slots, outputs, columns)`.
        """
        both = torch.cat([weights, weights.roll(-1, dims=0)], dim=1)  # cheaper than a matrix for every position
        inputs = rearrange(cells, "row slot input column -> row input (slot column)")
        outputs = rearrange(
            both @ inputs, "row (end output) (slot column) -> end row slot output column", end=2, slot=cells.shape[1]
        )
        fraction = self.fraction[self.cells][..., None, None]
        return outputs[0] + fraction * (outputs[1] - outputs[0])

    def interpolate(self, weights: Tensor, positions: slice) -> Tensor:
        """Weights `(rows, ...)` at some positions along readout."""
        row = self.row[positions]
        fraction = self.fraction[positions].reshape(-1, *[1] * (weights.ndim - 1))
        return weights[row] + fraction * (weights[(row + 1) % len(weights)] - weights[row])
