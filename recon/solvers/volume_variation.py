"""Total variation of volumes, along both phase encodings and from position to position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recon.solvers.prox import PLANE, TotalVariation

POSITION = -4
"""Axis of the positions in a volume `(..., positions, sets, readout, phase)`."""


@dataclass(frozen=True)
class VolumeVariation(TotalVariation):
    """`g(u) = sum sqrt(d_1^2 + d_2^2 + (w d_3)^2)` of differences `d` (Rudin et al. 1992, in 3-D).

    A `Prior` on real volumes `(..., positions, sets, readout, phase)`; `d_3` is the difference to the next position.

    Attributes
    ----------
    steps
        As for the `TotalVariation`.
    across
        `w`, weight of the differences from position to position.
    """

    across: float = 1.0

    @property
    def weights(self) -> Mapping[int, float]:
        """Weight of the differences along each axis of a volume, by its negative number."""
        return {**PLANE, POSITION: self.across}
