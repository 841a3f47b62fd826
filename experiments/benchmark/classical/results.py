"""What was measured, as it lies on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from recon.experiments.benchmark.cost import Seconds


@dataclass(frozen=True)
class Quality:
    """Scores at the best weight; `lamda` is None where there was none to choose."""

    lamda: float | None
    ssim: float
    psnr: float


@dataclass(frozen=True)
class Timing:
    """Seconds of every repeat."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, seconds: Seconds) -> None:
        """Note one more repeat."""
        self.wall.append(seconds.wall)
        self.cpu.append(seconds.cpu)

    def median(self) -> Seconds:
        """Middle of the repeats."""
        return Seconds(median(self.wall), median(self.cpu))

    def spread(self) -> Seconds:
        """Half of the interquartile range of the repeats."""
        return Seconds(*(float(np.subtract(*np.percentile(times, [75, 25]))) / 2 for times in (self.wall, self.cpu)))


@dataclass(frozen=True)
class Row:
    """One peer on one case.

    Attributes
    ----------
    peer
        Its name.
    plain
        As it gives the image, at the weight that is best so; None if it does not offer that.
    consistent
        With the measured lines put back, at the weight that is best so.
    maps, solve, whole
        Seconds of preparing, of solving at the best weight, and of both together.
    memory
        Bytes at the peak of both, above what was there before.
    failure
        Why there is nothing of all that.
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
class MapsRow:
    """One estimate of coil maps: seconds, and how far the reference lies from its span, relative."""

    name: str
    seconds: Timing = field(default_factory=Timing)
    projection_error: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class CaseResult:
    """Everybody on one case."""

    title: str
    fingerprint: str
    shape: tuple[int, int, int]
    measured_acceleration: float
    calibration_lines: int
    zero_filled: Quality
    rows: list[Row]
    maps: list[MapsRow]


@dataclass
class Report:
    """All cases under one protocol on one machine."""

    protocol: dict[str, Any]
    machine: dict[str, Any]
    cases: list[CaseResult] = field(default_factory=list)

    def find(self, title: str, fingerprint: str) -> CaseResult | None:
        """Give the result of a case that was finished before."""
        same = (case for case in self.cases if (case.title, case.fingerprint) == (title, fingerprint))
        return next(same, None)
