"""Total variation of volumes, along both phase encodings and from position to position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.blocking import in_blocks
from recon.solvers.prox import TINY

POSITION, ROW, COLUMN = -4, -2, -1
"""Axes of a volume `(..., positions, sets, readout, phase)` along which neighbours are compared."""


@dataclass(frozen=True)
class VolumeVariation:
    """`g(u) = sum sqrt(d_1^2 + d_2^2 + (w d_3)^2)` of differences `d` (Rudin et al. 1992, in 3-D).

    A `Prior` on real volumes `(..., positions, sets, readout, phase)`; `d_3` is the difference to the next position.
    The dual is projected as in `TotalVariation` (Beck and Teboulle 2009, section 4). The state is the dual of the
    last call, from which a few steps are enough.

    Attributes
    ----------
    across
        `w`, weight of the differences from position to position.
    steps
        Number of steps on the dual in each call.
    """

    across: float = 1.0
    steps: int = 3

    def start(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Return a dual of zero, `(3, ..., positions, sets, readout, phase)`."""
        return torch.zeros(3, *shape, device=device)

    def prox(self, values: Tensor, threshold: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Project the dual `p` into balls of radius `t`, and return `u = v - grad^T p`; overwrites the state."""
        denoised = torch.empty_like(values)
        thresholds = threshold.expand(*values.shape[:-2], 1, 1)
        for index in np.ndindex(*values.shape[:POSITION]) if in_blocks(values) else [()]:
            volume, dual = values[index].contiguous(), state[:, *index]
            dual.copy_(self._project(volume, thresholds[index], dual))
            denoised[index] = self._descend(volume, dual)
        return denoised, state

    def _project(self, volume: Tensor, threshold: Tensor, dual: Tensor) -> Tensor:
        """Take a few steps on the dual."""
        bound = 8 + 4 * self.across**2
        ahead, inertia = dual, 1.0
        for _ in range(self.steps):
            moved = self._gradient(self._descend(volume, ahead)).div_(bound).add_(ahead)
            square = moved[0].square().addcmul_(moved[1], moved[1]).addcmul_(moved[2], moved[2])
            moved *= torch.maximum(square, threshold.square()).clamp_(min=TINY).rsqrt_().mul_(threshold)
            inertia, before = (1 + (1 + 4 * inertia**2) ** 0.5) / 2, inertia
            dual, ahead = moved, torch.lerp(dual, moved, 1 + (before - 1) / inertia)
        return dual

    def _gradient(self, volume: Tensor) -> Tensor:
        """Return weighted forward differences `(3, ...)`, zero at the far edges."""
        field = volume.new_zeros(3, *volume.shape)
        for part, axis, weight in self._axes(field):
            inner = volume.shape[axis] - 1
            torch.sub(volume.narrow(axis, 1, inner), volume.narrow(axis, 0, inner), out=part.narrow(axis, 0, inner))
            part.mul_(weight)
        return field

    def _descend(self, volume: Tensor, dual: Tensor) -> Tensor:
        """Return `v - grad^T p` of a volume and `(3, ...)`."""
        result = volume.clone()
        for part, axis, weight in self._axes(dual):
            inner = volume.shape[axis] - 1
            step = part.narrow(axis, 0, inner)
            result.narrow(axis, 1, inner).sub_(step, alpha=weight)
            result.narrow(axis, 0, inner).add_(step, alpha=weight)
        return result

    def _axes(self, field: Tensor) -> list[tuple[Tensor, int, float]]:
        """Pair the parts of a field with their axes and weights."""
        return list(zip(field, (ROW, COLUMN, POSITION), (1.0, 1.0, self.across), strict=True))
