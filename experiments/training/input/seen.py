"""What a process saw during a step, so that a loss that is not finite can be traced to a slice."""

from __future__ import annotations

from dataclasses import dataclass, field

from accelerate.utils import gather_object
from torch import Tensor

from recon.experiments.training.input.reading import Slices

NAMED = 5
"""Slices that are named at most."""


@dataclass
class Seen:
    """Losses, the slices that each is of, and sentences about slices that could not be read."""

    losses: list[Tensor] = field(default_factory=list)
    indices: list[list[int]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def to_blame(self, slices: Slices) -> str:
        """Name the slices of all processes whose loss is not finite; if only a gradient is not, all of the step."""
        pairs = list(zip(self.losses, self.indices, strict=True))
        culprits = [index for loss, indices in pairs if not loss.isfinite() for index in indices]
        names = gather_object([slices.where(index) for index in culprits])
        names = names or gather_object([slices.where(index) for _, indices in pairs for index in indices])
        return f"{', '.join(names[:NAMED])}{' and others' if len(names) > NAMED else ''}"
