"""Simulated slices as a data set: as many as one likes, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from recon.data.training.datasets import Slice
from recon.simulation.scanner.scan import Protocol, Simulator


@dataclass(frozen=True, eq=False)
class SimulatedSlices(Dataset[Slice]):
    """Slices that are simulated as they are read; each follows from the seed and its index alone.

    Attributes
    ----------
    simulator
        Draws them.
    count
        Their number.
    seed
        Of all of them; that of another epoch is another one.
    """

    simulator: Simulator
    count: int
    seed: Sequence[int]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Slice:
        """Simulate one."""
        return self.simulator.scan(self._rng(index))

    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of every slice; only slices of the same shape can share a batch."""
        return [Protocol.draw(self.simulator.ranges, self._rng(index)).shape for index in range(self.count)]

    def where(self, index: int) -> str:
        """Name the slice, for messages."""
        return f"simulated slice {index} of seed {', '.join(map(str, self.seed))}"

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, index))
