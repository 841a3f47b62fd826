"""What the benchmark of the networks measured, as it lies on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from recon.experiments.benchmark.classical.cases import Shape
from recon.experiments.benchmark.classical.results import Timing
from recon.experiments.benchmark.networks.roofline import Rates


@dataclass(frozen=True)
class Outcome:
    """One entrant on one task.

    Attributes
    ----------
    name
        Who.
    limit
        Least seconds by the roofline: of the GPU, or of the processors.
    seconds
        Of every round.
    memory
        Bytes at the peak above what was there before.
    error
        Of the image, relative to that of fastMRI in float32; None where the image is another one.
    failure
        Why there is nothing of all that.
    """

    name: str
    limit: float
    seconds: Timing = field(default_factory=Timing)
    memory: int | None = None
    error: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Spread:
    """Middle of some values, and half of their interquartile range."""

    middle: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise."""
        return cls(median(values), float(np.subtract(*np.percentile(values, [75, 25]))) / 2)


@dataclass(frozen=True)
class Task:
    """Inference or a training step on slices of one shape, by everybody; the reference comes first."""

    shape: Shape
    training: bool
    on_gpu: bool
    outcomes: list[Outcome]

    def ratios(self, outcome: Outcome) -> tuple[Spread, Spread]:
        """How many times faster than the reference, round by round: by the clock and by the processors."""
        first, own = self.outcomes[0].seconds, outcome.seconds
        pairs = ((first.wall, own.wall), (first.cpu, own.cpu))
        wall, cpu = (Spread.of([a / b for a, b in zip(theirs, ours, strict=True)]) for theirs, ours in pairs)
        return wall, cpu

    def limit_share(self, outcome: Outcome) -> float:
        """Share of the roofline that is reached: of the GPU by the clock, of processors by their seconds."""
        spent = outcome.seconds.median()
        return outcome.limit / (spent.wall if self.on_gpu else spent.cpu)


@dataclass
class Report:
    """All tasks under one protocol on one machine."""

    protocol: dict[str, Any]
    machine: dict[str, Any]
    rates: Rates
    tasks: list[Task] = field(default_factory=list)

    def find(self, shape: Shape, training: bool) -> Task | None:
        """Give a task that was finished before."""
        return next((task for task in self.tasks if (task.shape, task.training) == (shape, training)), None)
