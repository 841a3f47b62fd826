"""Learned activation functions, one per channel, each a sum of Gaussians."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

REACH = 1.0
"""Largest filter response that the Gaussians cover, for images whose largest value is one."""
INITIAL_SLOPE = 0.1
"""Slope of the straight line that an activation starts as."""
MARGIN = 4
"""Reach of the table beyond the outermost centres, in widths; farther out a Gaussian counts as zero."""
POINTS = 16
"""Table points per width; linear interpolation errs by less than 1/2000 of the largest weight."""


class RadialBasis(nn.Module):
    """Apply `phi'(z) = sum_j w_j exp(-(z - mu_j)^2 / (2 sigma^2))`, with weights per channel (Hammernik et al. 2018).

    The centres `mu_j` are spaced evenly from `-REACH` to `REACH`, and `sigma` is their spacing; beyond, the function
    falls to zero. It starts as a straight line. Because it is evaluated millions of times with few weights, it is
    tabulated first and interpolated linearly.

    Parameters
    ----------
    channels
        Number of channels, each with a function of its own.
    basis_functions
        Number of Gaussians per function, at least 2.

    Raises
    ------
    ValueError
        If there are fewer than two Gaussians.
    """

    compilable: ClassVar[bool] = True

    def __init__(self, channels: int, basis_functions: int) -> None:
        super().__init__()
        if basis_functions < 2:
            raise ValueError(f"an activation needs at least 2 basis functions, not {basis_functions}")
        # Gaussians one width apart add up to sqrt(2 pi).
        steepest = INITIAL_SLOPE * REACH / math.sqrt(2 * math.pi)
        line = torch.linspace(-steepest, steepest, basis_functions)
        self.weights = nn.Parameter(line.repeat(channels, 1))

    def forward(self, responses: Tensor) -> Tensor:
        """Apply each channel's function to real `(batch, channels, readout, phase)` responses."""
        responses = responses.to(self.weights.dtype)
        table = self.table()
        channels, points = table.shape
        centres = self.weights.shape[1]
        widths = (responses / REACH + 1) * ((centres - 1) / 2) + MARGIN
        position = (widths * POINTS).clamp(0, points - 1)
        # Where the position is NaN the result is NaN too, but the index must still be a number.
        below = position.detach().nan_to_num(0).floor().clamp(max=points - 2)
        first = torch.arange(0, channels * points, points, device=table.device)[:, None, None]
        index = below.long() + first
        flat = table.flatten()
        return torch.lerp(flat[index], flat[index + 1], position - below)

    def table(self) -> Tensor:
        """Tabulate the functions up to `MARGIN` widths beyond the outermost centres; return `(channels, points)`."""
        centres = self.weights.shape[1]
        points = (centres - 1 + 2 * MARGIN) * POINTS + 1
        at = torch.arange(points, device=self.weights.device) / POINTS - MARGIN
        distances = at - torch.arange(centres, device=self.weights.device).unsqueeze(-1)
        # Table points are finely spaced; half precision, as in mixed precision, cannot tell them apart.
        with torch.autocast(self.weights.device.type, enabled=False):
            return self.weights @ torch.exp(-(distances**2) / 2).to(self.weights.dtype)
