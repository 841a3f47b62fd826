"""A data set of slices that are simulated when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch.utils.data import Dataset

from recon.data.training.datasets import Slice
from recon.simulation.scanner.scan_plan import ScanPlan, draw_matrices
from recon.simulation.scanner.simulator import Simulator

MATRICES = 1
"""Number that tells the random numbers of the matrices from those of the slices."""


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
        return self.simulator.scan(self._rng(index), self.matrices)

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every slice; only slices of the same shape can share a batch."""
        ranges, matrices = self.simulator.ranges, self.matrices
        return [ScanPlan.draw(ranges, self._rng(index), matrices).shape for index in range(self.count)]

    @cached_property
    def matrices(self) -> list[tuple[int, int]]:
        """The matrices `(readout, phase)` that the slices share; none if each draws its own."""
        ranges = self.simulator.ranges
        if ranges.matrices is None:
            return []
        return draw_matrices(ranges, ranges.matrices, np.random.default_rng((*self.seed, self.count, MATRICES)))

    def where(self, index: int) -> str:
        """Name a slice in messages."""
        return f"simulated slice {index} of seed {', '.join(map(str, self.seed))}"

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((*self.seed, index))
