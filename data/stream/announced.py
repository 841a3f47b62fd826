"""Decides when an image's lines have all arrived: by the limits that its header announces, and by their pattern.

Undersampled scans seldom announce which lines they leave out, so lines count as left out on purpose where the pattern
of the lines that came explains it; what is missing otherwise makes the image incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from recon.data.formats.header.xml import parse_xml

Steps = NDArray[np.int64]
Pair = tuple[int, int]
"""Phase-encoding steps of a line along the first and the second phase encoding."""

DENSE = 0.8
"""Share of the announced lines from which on a gap within a 2-D scan is a loss, not undersampling."""


@dataclass(frozen=True)
class Range:
    """Smallest and largest value of a counter."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, value: int) -> bool:
        return self.first <= value <= self.last


@dataclass
class Measured:
    """Counters of the lines that have arrived for an image.

    Attributes
    ----------
    lines
        Pairs of phase-encoding steps that each average has measured.
    every
        Pairs that any average has measured.
    segments
        Segments that have come.
    flagged
        Whether a line was flagged as the last one of its slice or of the measurement.
    """

    lines: dict[int, set[Pair]] = field(default_factory=dict)
    every: set[Pair] = field(default_factory=set)
    segments: set[int] = field(default_factory=set)
    flagged: bool = False

    def add(self, average: int, pair: Pair, segment: int) -> bool:
        """Add a line; return whether its average had not measured it yet."""
        before = self.lines.setdefault(average, set())
        self.segments.add(segment)
        self.every.add(pair)
        if pair in before:
            return False
        before.add(pair)
        return True

    def steps(self, axis: int) -> Steps:
        """Return the steps along one axis, in rising order."""
        return np.unique([pair[axis] for pair in self.every])


@dataclass(frozen=True)
class Announced:
    """What an ISMRMRD header says of the lines of each image; None stands for what it does not say.

    Attributes
    ----------
    steps
        Limits of the two phase-encoding steps.
    averages, segments
        Numbers of averages and segments.
    frames
        Limits of the counters of repetitions and cardiac phases.
    acceleration
        Acceleration along the phase encoding of a 2-D scan.
    """

    steps: tuple[Range | None, Range | None]
    averages: int | None
    segments: int | None
    frames: tuple[Range | None, Range | None]
    acceleration: int

    @classmethod
    def of(cls, xml: str) -> Announced:
        """Read the limits of a header that has been found usable."""
        root = parse_xml(xml)
        averages, segments = (_limits(root, name) for name in ("average", "segment"))
        factor = (root.findtext("encoding/parallelImaging/accelerationFactor/kspace_encoding_step_1") or "1").strip()
        steps = (_limits(root, f"kspace_encoding_step_{axis}") for axis in (1, 2))
        first, second = (limits if limits and len(limits) > 1 else None for limits in steps)
        return cls(
            steps=(first, second),
            averages=None if averages is None else averages.last + 1,
            segments=None if segments is None else segments.last + 1,
            frames=(_limits(root, "repetition"), _limits(root, "phase")),
            acceleration=int(factor) if re.fullmatch("[1-9][0-9]?", factor) else 1,
        )

    @property
    def several_frames(self) -> bool:
        """Whether the scan is a series by its header."""
        return any(limits is not None and len(limits) > 1 for limits in self.frames)

    def is_whole(self, measured: Measured) -> bool:
        """Return whether every announced line is there, so that no flag is needed to know it."""
        first, second = self.steps
        if self.averages is None or first is None or len(measured.lines) < self.averages:
            return False
        total = len(first) * (len(second) if second else 1)
        if len(measured.every) < total // self.acceleration or self._lacking_average(measured):
            return False
        return self.is_full(measured) or (self._is_regular(measured) and not self._lacking_segment(measured))

    def lacks(self, measured: Measured) -> str:
        """Return what an image lacks, once its last line may have come; empty if it is complete."""
        problem = self._lacking_average(measured)
        if problem or self.steps[0] is None or self.is_full(measured):
            return problem
        problem = self._lacking_segment(measured)
        if problem or self._is_regular(measured):
            return problem
        return self._lacking_edge(measured) or self._lacking_line(measured)

    def _lacking_average(self, measured: Measured) -> str:
        """Return which average lacks lines that another one has measured."""
        if self.averages is not None and len(measured.lines) < self.averages:
            return f"{len(measured.lines)} of {self.averages} averages came"
        for average, lines in measured.lines.items():
            if lost := len(measured.every) - len(lines):
                return f"average {average} lacks {lost} of {len(measured.every)} lines"
        return ""

    def _lacking_segment(self, measured: Measured) -> str:
        lost = set(range(self.segments or 1)) - measured.segments
        if not lost or (self.segments or 1) == 1:
            return ""
        return f"{self.segments} segments are announced, and segment {min(lost)} is missing"

    def is_full(self, measured: Measured) -> bool:
        """Return whether every announced pair of steps was measured, in some average."""
        first, second = self.steps
        if first is None:
            return False
        inside = sum(one in first and (second is None or two in second) for one, two in measured.every)
        return inside >= len(first) * (len(second) if second else len({two for _, two in measured.every}))

    def _is_regular(self, measured: Measured) -> bool:
        """Return whether every line of some regular pattern of the announced acceleration is there, in 2-D."""
        limits = self.steps[0]
        if self.acceleration == 1 or self.steps[1] is not None or limits is None:
            return False
        came = {one for one, _ in measured.every}
        starts = range(limits.first, limits.first + self.acceleration)
        return any(came.issuperset(range(start, limits.last + 1, self.acceleration)) for start in starts)

    def _lacking_edge(self, measured: Measured) -> str:
        """Return which outer lines are missing although the lines that came have no gaps as wide."""
        for axis, limits in enumerate(self.steps):
            if limits is None:
                continue
            steps = measured.steps(axis)
            widest = int(np.diff(steps).max(initial=1)) - 1
            before, after = int(steps[0]) - limits.first, limits.last - int(steps[-1])
            if max(before, after) > self._tolerated(measured, widest, limits):
                span = (limits.first, int(steps[0]) - 1) if before >= after else (int(steps[-1]) + 1, limits.last)
                what = ("lines", "partitions")[axis]
                return f"{what} {span[0]} to {span[1]} of the {len(limits)} that its header announces are missing"
        return ""

    def _tolerated(self, measured: Measured, widest: int, limits: Range) -> int:
        """Return how many outer steps an undersampled scan may leave out, given its widest gap."""
        first, second = self.steps
        if second is not None and first is not None:
            sparse = len(measured.every) < DENSE * len(first) * len(second)
            return max(widest, len(limits) // 8 if sparse else 0)
        return len(limits) if widest and measured.flagged else widest

    def _lacking_line(self, measured: Measured) -> str:
        """Return which single lines of a full 2-D scan are missing."""
        limits = self.steps[0]
        if limits is None or self.steps[1] is not None or self.acceleration > 1:
            return ""
        lost = set(range(limits.first, limits.last + 1)) - {one for one, _ in measured.every}
        if not lost or len(lost) >= (1 - DENSE) * len(limits):
            return ""
        return f"{len(lost)} of the {len(limits)} lines that its header announces are missing, first line {min(lost)}"


def _limits(root: ET.Element, name: str) -> Range | None:
    """Return the limits of a counter; None if the header does not state them."""
    texts: Iterable[str] = (
        (root.findtext(f"encoding/encodingLimits/{name}/{end}") or "").strip() for end in ("minimum", "maximum")
    )
    first, last = (int(text) if re.fullmatch("[0-9]{1,5}", text) else None for text in texts)
    if last is None or (first or 0) > last:
        return None
    return Range(first or 0, last)
