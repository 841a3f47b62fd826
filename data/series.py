"""Groups the images of a file into series: those at one place, in the order of time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Frame:
    """Counters that tell images at the same place apart, as ISMRMRD counts them.

    Attributes
    ----------
    contrast
        Number of the contrast or echo.
    phase
        Number of the cardiac phase.
    set
        Number of the set: flow or diffusion encoding, for example.
    repetition
        Number of the repetition.
    """

    contrast: int = 0
    phase: int = 0
    set: int = 0
    repetition: int = 0

    @property
    def time(self) -> tuple[int, int]:
        """Repetition and cardiac phase, by which the frames of a series are ordered."""
        return self.repetition, self.phase


Series = tuple[int, ...]
"""Indices of the images of a file that form a series, in the order of time."""


def series_of(frames: Sequence[Frame]) -> tuple[Series, ...]:
    """Group images into series, which differ in cardiac phase and repetition only.

    Images of equal counters are at different places, each the next place, whatever the order of the images is.

    Parameters
    ----------
    frames
        Counters of each image of a file.

    Returns
    -------
    tuple
        The series, in the order of their first images.
    """
    series: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, (place, frame) in enumerate(zip(places_of(frames), frames, strict=True)):
        series[place, frame.contrast, frame.set].append(index)
    return tuple(tuple(sorted(indices, key=lambda index: frames[index].time)) for indices in series.values())


def places_of(frames: Sequence[Frame]) -> tuple[int, ...]:
    """Return the number of each image's place: images of equal counters are at different places, each the next."""
    before: Counter[Frame] = Counter()
    places = []
    for frame in frames:
        places.append(before[frame])
        before[frame] += 1
    return tuple(places)


def counted_frames(averages: int, frames: int, echoes: int, slices: int) -> tuple[Frame, ...] | None:
    """Return the counters of the images of an array whose axes have these sizes, slices running fastest.

    Averages that the file holds one by one are numbered as sets, for they form no series.

    Returns
    -------
    tuple or None
        Counters of each image; None if images differ only in their slice.
    """
    if averages * frames * echoes == 1:
        return None
    return tuple(
        Frame(contrast=echo, set=average, repetition=frame)
        for average in range(averages)
        for frame in range(frames)
        for echo in range(echoes)
        for _ in range(slices)
    )


def array_counts(frames: Sequence[Frame]) -> tuple[int, int, int, int] | None:
    """Return the numbers of averages, frames, echoes and slices that `counted_frames` takes for images in this order.

    Returns
    -------
    tuple or None
        Sizes of the axes; None if the images are no array with these axes in this order.
    """
    rows = [
        (frame.set, frame.time, frame.contrast, place) for frame, place in zip(frames, places_of(frames), strict=True)
    ]
    axes = [sorted(set(column)) for column in zip(*rows, strict=True)]
    if not rows or rows != list(product(*axes)):
        return None
    averages, times, echoes, slices = map(len, axes)
    return averages, times, echoes, slices
