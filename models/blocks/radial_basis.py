"""Learned activations: for each channel a function of one variable, as a sum of Gaussians."""

import math

import torch
from torch import Tensor, nn

REACH = 1.0
"""Largest filter response that is covered, for images whose largest value is one."""
INITIAL_SLOPE = 0.1
MARGIN = 4
"""How many widths beyond the outermost centres a Gaussian is still told from zero."""
POINTS = 16
"""Points of the table per width; between them it errs by less than 1/2000 of the largest weight."""


class RadialBasis(nn.Module):
    """`phi'(z) = sum_j w_j exp(-(z - mu_j)^2 / (2 sigma^2))`, one for each channel (Hammernik et al. 2018).

    Centres lie at equal distances, which are also the Gaussians' width, between minus and plus `REACH`; beyond, the
    function falls to zero. It starts as a straight line. As it is evaluated millions of times for few weights, it is
    tabulated first and interpolated linearly.

    Parameters
    ----------
    channels
        Number of functions.
    basis_functions
        Number of Gaussians in each.
    """

    def __init__(self, channels: int, basis_functions: int) -> None:
        super().__init__()
        if basis_functions < 2:
            raise ValueError(f"{basis_functions} basis functions make no activation")
        # Gaussians one width apart add up to sqrt(2 pi).
        steepest = INITIAL_SLOPE * REACH / math.sqrt(2 * math.pi)
        line = torch.linspace(-steepest, steepest, basis_functions)
        self.weights = nn.Parameter(line.repeat(channels, 1))

    def forward(self, responses: Tensor) -> Tensor:
        """Apply the functions to `(batch, channels, readout, phase)`."""
        responses = responses.to(self.weights.dtype)
        table = self.table()
        channels, points = table.shape
        centres = self.weights.shape[1]
        widths = (responses / REACH + 1) * ((centres - 1) / 2) + MARGIN
        position = (widths * POINTS).clamp(0, points - 1)
        # An index must be a number even where the position, and so what is returned, is none.
        below = position.detach().nan_to_num(0).floor().clamp(max=points - 2)
        first = torch.arange(0, channels * points, points, device=table.device)[:, None, None]
        index = below.long() + first
        flat = table.flatten()
        return torch.lerp(flat[index], flat[index + 1], position - below)

    def table(self) -> Tensor:
        """Tabulate the functions: `(channels, points)`, `MARGIN` widths beyond the outermost centres."""
        centres = self.weights.shape[1]
        points = (centres - 1 + 2 * MARGIN) * POINTS + 1
        at = torch.arange(points, device=self.weights.device) / POINTS - MARGIN
        distances = at - torch.arange(centres, device=self.weights.device).unsqueeze(-1)
        # Positions in the table are fine: half the digits, as in mixed precision, would not do.
        with torch.autocast(self.weights.device.type, enabled=False):
            return self.weights @ torch.exp(-(distances**2) / 2).to(self.weights.dtype)
