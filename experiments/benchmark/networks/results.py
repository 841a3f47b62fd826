"""Hold the results of the network benchmark in the form of `varnet.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from recon.experiments.benchmark.classical.cases import Shape
from recon.experiments.benchmark.classical.results import Timing
from recon.experiments.benchmark.json_report import Report
from recon.experiments.benchmark.networks.roofline import Rates


@dataclass(frozen=True)
class EntrantResult:
    """Measurements of one entrant on one task.

    Attributes
    ----------
    name
        Name of the entrant.
    limit
        Least possible seconds according to the roofline model: wall time on a GPU, CPU time otherwise.
    seconds
        Seconds of every round.
    memory
        Peak memory in bytes, above the level before.
    error
        Relative error against the image of fastMRI in float32; None if the image has another size.
    failure
        Reason why the measurements are missing.
    """

    name: str
    limit: float
    seconds: Timing = field(default_factory=Timing)
    memory: int | None = None
    error: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Spread:
    """Median of some values and half their interquartile range."""

    middle: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Compute both from the values."""
        return cls(median(values), float(np.subtract(*np.percentile(values, [75, 25]))) / 2)


@dataclass(frozen=True)
class TaskResult:
    """Measurements of all entrants on inference or a training step at one shape; the reference comes first."""

    shape: Shape
    training: bool
    on_gpu: bool
    outcomes: list[EntrantResult]

    def ratios(self, outcome: EntrantResult) -> tuple[Spread, Spread]:
        """Return the speed-up over the reference, compared round by round, in wall and in CPU time."""
        first, own = self.outcomes[0].seconds, outcome.seconds
        pairs = ((first.wall, own.wall), (first.cpu, own.cpu))
        wall, cpu = (Spread.of([a / b for a, b in zip(theirs, ours, strict=True)]) for theirs, ours in pairs)
        return wall, cpu

    def limit_share(self, outcome: EntrantResult) -> float:
        """Return the share of the roofline limit that is reached: in wall time on a GPU, in CPU time otherwise."""
        spent = outcome.seconds.median()
        return outcome.limit / (spent.wall if self.on_gpu else spent.cpu)


@dataclass(frozen=True)
class NetworkReport(Report):
    """Results of all tasks under one protocol on one machine."""

    rates: Rates
    tasks: list[TaskResult] = field(default_factory=list)

    def find(self, shape: Shape, training: bool) -> TaskResult | None:
        """Return the stored result of a task, or None if it has not been measured."""
        return next((task for task in self.tasks if (task.shape, task.training) == (shape, training)), None)
