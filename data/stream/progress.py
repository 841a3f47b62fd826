"""Keeps account of the readouts of one streamed image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from recon.data.formats.ismrmrd.distinct_images import COUNTERS
from recon.data.formats.ismrmrd.lines import Key
from recon.data.stream.announced import Measured
from recon.data.stream.messages import Readout

OVERHEAD = 1024
"""Upper bound of the bytes that a readout takes besides its samples."""

CENTRAL, LOPSIDED = 8, 4
"""Fewest steps from end to end of the calibration lines, and the most by which one end is farther from DC."""

SELDOM = 16
"""A look for the end of the calibration lines waits for one line more, and another one per so many that have come."""


@dataclass(frozen=True, eq=False)
class Arrived(Readout):
    """A readout, and its number in the order of arrival."""

    arrival: int = 0

    @cached_property
    def key(self) -> Key:
        """Counters of the image that it belongs to, read once: the scan asks for them again and again."""
        return key_of(self)


@dataclass(eq=False)
class Progress:
    """The lines of one image that have come.

    Attributes
    ----------
    measured
        Counters of the lines.
    sent
        Numbers of imaging, calibration and noise readouts from which the image was assembled; None before.
    next_look
        Number of lines at which to look again whether the calibration lines are complete; None once they were.
    """

    measured: Measured = field(default_factory=Measured)
    sent: tuple[int, ...] | None = None
    next_look: int | None = 1

    def is_due(self, count: int) -> bool:
        """Return whether it is time to look for the end of the calibration lines, once so many lines have come."""
        return self.sent is None and self.next_look is not None and count >= self.next_look

    def is_calibrated(self, count: int, center: int, separate: bool) -> bool:
        """Return whether the calibration lines have probably all come, though other lines have not; true only once.

        Parameters
        ----------
        count
            Number of lines that have come.
        center
            Phase-encoding step at the centre of k-space.
        separate
            Whether a calibration scan has come before.
        """
        if not self.is_due(count):
            return False
        self.next_look = count + 1 + count // SELDOM
        if not (spans if separate else surrounds)(self.measured, center):
            return False
        self.next_look = None
        return True


def spans(measured: Measured, center: int) -> bool:
    """Return whether there are lines on both sides of the centre, without which an image cannot be assembled."""
    steps = measured.steps(0)
    return bool(steps[0] < center < steps[-1])


def surrounds(measured: Measured, center: int) -> bool:
    """Return whether the run of adjacent lines about the centre has ended: on both sides a gap, then further lines.

    A run that is short or far from symmetric does not count: interleaves may have yet to fill the gaps.
    """
    steps = measured.steps(0)
    gaps, place = np.flatnonzero(np.diff(steps) > 1), int(np.searchsorted(steps, center))
    before, behind = gaps[gaps < place], gaps[gaps >= place]
    if not len(before) or not len(behind) or steps[place] != center:
        return False
    first, last = int(steps[before[-1] + 1]), int(steps[behind[0]])
    return last - first >= CENTRAL and abs(first + last - 2 * center) <= LOPSIDED


def key_of(readout: Readout) -> Key:
    """Return the counters of the image that a readout belongs to."""
    return tuple(int(readout.head["idx"][name]) for name in COUNTERS)


def size_of(readouts: Sequence[Readout]) -> int:
    """Return an upper bound of the bytes that readouts take."""
    return sum(readout.samples.nbytes + OVERHEAD for readout in readouts)
