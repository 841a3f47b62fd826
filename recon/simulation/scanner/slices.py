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
    """

    simulator: Simulator
    count: int
    seed: Sequence[int]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Slice:
        """Simulate the slice of an index."""
        return self.simulator.scan(self._rng(index))

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every slice; only slices of the same shape can share a batch."""
        return [ScanPlan.draw(self.simulator.ranges, self._rng(index)).shape for index in range(self.count)]

    def where(self, index: int) -> str:
        """Name a slice in messages."""
        return f"simulated slice {index} of seed {', '.join(map(str, self.seed))}"

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, index))
