"""Uses each batch for several steps, some steps apart, and keeps what is expensive about it in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from recon.experiments.training.input.reading import Batch
from recon.models.objectives import StartedSlice

APART = 8
"""Number of steps between two uses of a batch."""

Use = tuple[int, int]
"""Number of a batch in its epoch, and how often it was used before."""


def in_rounds(count: int, uses: int, per_step: int) -> list[Use]:
    """Order the uses of batches: rounds of some steps, each run through as often as its batches are used.

    Parameters
    ----------
    count
        Number of batches.
    uses
        Number of uses of each.
    per_step
        Number of batches in a step, which belong to one round; the last round may be shorter.
    """
    size = APART * per_step if uses > 1 else max(count, 1)
    rounds = [range(first, min(first + size, count)) for first in range(0, count, size)]
    return [(number, before) for members in rounds for before in range(uses) for number in members]


def batches_to_read(own: Sequence[Use], uses: int) -> list[int]:
    """Return the numbers of the batches that `Reuse` reads when it runs through some uses."""
    kept: set[int] = set()
    numbers = []
    for number, before in own:
        if number not in kept:
            numbers.append(number)
        (kept.add if before + 1 < uses else kept.discard)(number)
    return numbers


@dataclass
class Reuse:
    """Batches that were read and are still needed.

    Nothing here is part of a saved state: a run resumed in the middle of a round reads and starts its batches again.

    Attributes
    ----------
    reader
        Batches in the order of `batches_to_read`.
    own
        Uses of batches by this process, in order.
    uses
        Number of uses of each batch.
    kept
        Batches that will be used again, and what a network starts from, by number.
    """

    reader: Iterator[Batch]
    own: Iterator[Use]
    uses: int
    kept: dict[int, tuple[Batch, StartedSlice | None]] = field(default_factory=dict)

    def next(self) -> tuple[Use, Batch, StartedSlice | None]:
        """Return the next use, its batch, and the start that `keep` was given for it, if any."""
        use = number, before = next(self.own)
        batch, start = self.kept.get(number) or (next(self.reader), None)
        if before + 1 < self.uses:
            self.kept[number] = batch, start
        else:
            self.kept.pop(number, None)
        return use, batch, start

    def keep(self, use: Use, start: StartedSlice) -> None:
        """Keep the start of a batch for its later uses, if there are any."""
        number, _ = use
        if number in self.kept:
            self.kept[number] = self.kept[number][0], start
