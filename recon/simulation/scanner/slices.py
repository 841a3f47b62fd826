"""A data set of slices that are simulated when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from recon.data.training.datasets import Slice
from recon.simulation.scanner.scan_plan import ScanPlan
from recon.simulation.scanner.simulator import Simulator


@dataclass(frozen=True, eq=False)
class SimulatedSlices(Dataset[Slice]):
    """Simulated slices, each determined by the seed and its index alone.

    Attributes
    ----------
    simulator
        Simulator that draws the slices.
    count
        Number of slices.
    seed
        Seed of the whole set; every epoch has its own.
    together
        Number of consecutive slices that have the same shape, so that they can share a batch; everything else about
        them is drawn anew.
    """

    simulator: Simulator
    count: int
    seed: Sequence[int]
    together: int = 1

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Slice:
        """Simulate the slice of an index."""
        return self.simulator.scan(self._rng(index), None if self.together == 1 else self._plan(index))

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every slice; only slices of the same shape can share a batch."""
        return [self._plan(index).shape for index in range(self.count)]

    def where(self, index: int) -> str:
        """Name a slice in messages."""
        return f"simulated slice {index} of seed {', '.join(map(str, self.seed))}"

    def _plan(self, index: int) -> ScanPlan:
        """Return the plan of the first slice of the same shape."""
        return ScanPlan.draw(self.simulator.ranges, self._rng(index - index % self.together))

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, index))
