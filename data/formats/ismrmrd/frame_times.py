"""Finds the time between the frames of a series from time stamps of readouts, or from the repetition time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.formats.ismrmrd.lines import SortedLines
from recon.data.formats.ismrmrd.scan_header import ScanHeader
from recon.data.series import Frame, Series, places_of, series_of

TICK_MS = 2.5
"""Unit of time stamps, in ms: that of Siemens' clocks, which other writers of ISMRMRD files follow."""

EVEN, MOST = 0.25, 0.8
"""Largest deviation of a step from the median, relative to it, and the share of steps that must not exceed it."""


def frame_interval(
    heads: NDArray[Any], lines: SortedLines, frames: Sequence[Frame] | None, scan: ScanHeader
) -> float | None:
    """Return the time from one frame of a series to the next, in ms; None if it is unknown or not even.

    Cardiac phases are timed by the time since the trigger, repetitions by the clock. A frame's time is the mean over
    its readouts. Without stamps, repetitions of a single slice take the repetition time once for each echo train.

    Parameters
    ----------
    heads
        Headers of all readouts.
    lines
        The readouts of every image.
    frames
        Counters of every image; None if there are no frames.
    scan
        Header of the scan.
    """
    if frames is None:
        return None
    rows = [image.rows for image in lines.images.values()]
    groups = [series for series in series_of(frames) if len(series) > 1]
    if scan.has_ticks:
        heart = heads["physiology_time_stamp"][:, 0].astype(np.float64) * TICK_MS
        clock = heads["acquisition_time_stamp"].astype(np.float64) * TICK_MS
        for stamps in (heart, clock):
            intervals = [_interval([stamps[rows[index]].mean() for index in series]) for series in groups]
            known = [interval for interval in intervals if interval is not None]
            if known and len(known) == len(groups):
                return float(np.median(known))
    return _from_repetition_time(rows, frames, groups, scan)


def _interval(times: Sequence[float]) -> float | None:
    """Return the mean step between times if most of them are about equal; steps between heart beats may differ."""
    steps = np.diff(times)
    middle = float(np.median(steps)) if len(steps) else 0.0
    if middle <= 0:
        return None
    even = np.abs(steps - middle) <= max(EVEN * middle, TICK_MS)
    return float(steps[even].mean()) if even.mean() >= MOST else None


def _from_repetition_time(
    rows: Sequence[NDArray[np.int64]], frames: Sequence[Frame], groups: Sequence[Series], scan: ScanHeader
) -> float | None:
    """Return the repetition time times the echo trains of a frame, if the frames are repetitions of one slice."""
    is_single = set(places_of(frames)) == {0} and len({frame.set for frame in frames}) == 1
    if scan.repetition_time is None or not is_single or not groups or any(frame.phase for frame in frames):
        return None
    trains = {-(-len(rows[index]) // scan.echo_train) for series in groups for index in series}
    return scan.repetition_time * trains.pop() if len(trains) == 1 else None
