"""Records what a process computed in a step, so that a loss that is not finite can be traced to a slice."""

from __future__ import annotations

from dataclasses import dataclass, field

from accelerate.utils import gather_object
from torch import Tensor

from recon.experiments.training.input.reading import Slices

MOST_NAMED = 5
"""Largest number of slices that a message names."""


@dataclass
class StepRecord:
    """Losses and slices of the batches that this process computed in one step.

    Attributes
    ----------
    losses
        Loss of each batch, a scalar.
    indices
        Indices of the slices of each batch.
    unreadable
        Messages about slices that could not be read.
    """

    losses: list[Tensor] = field(default_factory=list)
    indices: list[list[int]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def suspects(self, slices: Slices) -> str:
        """Name the slices whose loss is not finite; if only the gradient is not, all slices of the step.

        All processes must call this; each gets the slices of all.
        """
        pairs = list(zip(self.losses, self.indices, strict=True))
        not_finite = [index for loss, indices in pairs if not loss.isfinite() for index in indices]
        names = gather_object([slices.where(index) for index in not_finite])
        names = names or gather_object([slices.where(index) for _, indices in pairs for index in indices])
        return f"{', '.join(names[:MOST_NAMED])}{' and others' if len(names) > MOST_NAMED else ''}"
