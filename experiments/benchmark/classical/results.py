"""Hold the results of the classical benchmark in the form of `classical.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

import numpy as np

from recon.experiments.benchmark.cost import Seconds
from recon.experiments.benchmark.json_report import Report


@dataclass(frozen=True)
class Quality:
    """Scores at the best weight; `lamda` is None if there was no weight to choose."""

    lamda: float | None
    ssim: float
    psnr: float


@dataclass(frozen=True)
class Timing:
    """Wall and CPU seconds of every repeat."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, seconds: Seconds) -> None:
        """Add one repeat."""
        self.wall.append(seconds.wall)
        self.cpu.append(seconds.cpu)

    def median(self) -> Seconds:
        """Return the median over the repeats."""
        return Seconds(median(self.wall), median(self.cpu))

    def spread(self) -> Seconds:
        """Return half the interquartile range over the repeats."""
        return Seconds(*(float(np.subtract(*np.percentile(times, [75, 25]))) / 2 for times in (self.wall, self.cpu)))


@dataclass(frozen=True)
class PeerResult:
    """Measurements of one peer on one case.

    Attributes
    ----------
    peer
        Name of the peer.
    plain
        Scores of the image as the peer returns it, at the weight that is best for it; None if it has none.
    consistent
        Scores with the measured lines put back, at the weight that is best for it.
    maps, solve, whole
        Seconds of preparing, of solving at the best weight, and of both together.
    memory
        Peak memory of both in bytes, above the level before.
    failure
        Reason why the measurements are missing.
    """

    peer: str
    plain: Quality | None = None
    consistent: Quality | None = None
    maps: Timing = field(default_factory=Timing)
    solve: Timing = field(default_factory=Timing)
    whole: Timing = field(default_factory=Timing)
    memory: int | None = None
    failure: str | None = None


@dataclass(frozen=True)
class MapsResult:
    """Measurements of one estimate of coil maps; `projection_error` is the share of the reference that it misses."""

    name: str
    seconds: Timing = field(default_factory=Timing)
    projection_error: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class CaseResult:
    """Measurements of all peers on one case."""

    title: str
    fingerprint: str
    shape: tuple[int, int, int]
    measured_acceleration: float
    calibration_lines: int
    zero_filled: Quality
    rows: list[PeerResult]
    maps: list[MapsResult]


@dataclass(frozen=True)
class ClassicalReport(Report):
    """Results of all cases under one protocol on one machine."""

    cases: list[CaseResult] = field(default_factory=list)

    def find(self, title: str, fingerprint: str) -> CaseResult | None:
        """Return the stored result of a case, or None if it has not been measured."""
        same = (case for case in self.cases if (case.title, case.fingerprint) == (title, fingerprint))
        return next(same, None)
