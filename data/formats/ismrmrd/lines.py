"""Sorts ISMRMRD readouts: finds the image of each and its place in k-space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.ismrmrd.distinct_images import distinct_counters, number_rows
from recon.data.formats.ismrmrd.scan_header import Partitions, ScanHeader
from recon.data.formats.unread import CORRECT_FIRST

Heads = NDArray[Any]
"""Structured array of readout headers, whose fields have the names of the package ismrmrd."""

Indices = NDArray[np.int64]
Key = tuple[int, ...]


def flag(number: int) -> np.uint64:
    """Return the bit of a flag; ISMRMRD numbers flags from 1."""
    return np.uint64(1 << (number - 1))


NOISE = flag(19)
CALIBRATION = flag(20)
CALIBRATION_AND_IMAGING = flag(21)
REVERSE = flag(22)
PHASE_CORRECTION = flag(24)
NO_IMAGE = flag(23) | flag(26) | flag(27) | flag(28) | flag(29) | flag(30) | flag(31)
"""Flags of navigators, feedback, dummy scans, surface-coil correction and phase stabilisation."""


@dataclass(frozen=True, eq=False)
class Lines:
    """The readouts of one image.

    Attributes
    ----------
    rows
        Rows of the readouts in the file, in rising order.
    columns
        Column of k-space that each row fills; in a 3-D scan, pairs of phase-encoding steps are numbered, the second
        step running fastest.
    """

    rows: Indices
    columns: Indices


@dataclass(frozen=True, eq=False)
class SortedLines:
    """All readouts, sorted by use.

    Attributes
    ----------
    images
        Lines of every image, by the values of `COUNTERS` and in their order.
    calibration
        Separate calibration lines, by the same keys; a key may be missing.
    noise
        Rows of the noise scan.
    first
        First row of k-space that each readout fills.
    kept
        First sample of each readout that is kept, and the one after the last, in the order of k-space.
    backward
        Whether each readout was sampled backward and is turned round before it is used.
    partitions
        Second phase encoding; None if the scan has none.
    """

    images: dict[Key, Lines]
    calibration: dict[Key, Lines]
    noise: Indices
    first: Indices
    kept: tuple[Indices, Indices]
    backward: NDArray[np.bool_]
    partitions: Partitions | None = None


def sort_lines(path: Path, heads: Heads, scan: ScanHeader) -> SortedLines:
    """Sort the readouts of a Cartesian scan.

    Raises
    ------
    InputError
        If there are no imaging readouts, they are of another kind of scan, or do not fit the encoded matrix.
    """
    flags = heads["flags"]
    noise = _has(flags, NOISE)
    used = ~noise & ~_has(flags, NO_IMAGE)
    backward = _has(flags, REVERSE)
    correcting = used & _has(flags, PHASE_CORRECTION)
    used &= ~_has(flags, PHASE_CORRECTION)
    calibrating = _has(flags, CALIBRATION) & ~_has(flags, CALIBRATION_AND_IMAGING)
    used &= calibrating | (heads["encoding_space_ref"] == 0)
    imaging = used & ~calibrating
    if not imaging.any():
        raise InputError(f"{path}: holds no imaging readouts of the first encoded space")
    partitions = _partitions(path, heads, scan, used)
    _check_channels(path, heads, imaging, used)
    columns, count, middle = _columns(heads, scan, partitions)
    separate = calibrating & used
    chosen = used if scan.separate_calibration is False else imaging
    counters = distinct_counters(path, heads, columns, middle, chosen, scan.diffusion_counter)
    images = number_rows(counters)
    if not _separate(scan, heads, columns, images, imaging, separate):
        imaging, separate = used, np.zeros_like(used)
    _check_steps(path, heads, imaging & ((columns < 0) | (columns >= count)), scan, partitions)
    for chosen in (correcting, imaging, separate):
        _check_directions(path, images, backward, chosen)
    first, kept = _placement(path, heads, scan, imaging | separate, backward)
    separate &= (columns >= 0) & (columns < count)
    return SortedLines(
        images=_grouped(counters, columns, imaging),
        calibration=_grouped(counters, columns, separate),
        noise=np.flatnonzero(noise),
        first=first,
        kept=kept,
        backward=backward,
        partitions=partitions,
    )


def _partitions(path: Path, heads: Heads, scan: ScanHeader, used: NDArray[np.bool_]) -> Partitions | None:
    """Return the second phase encoding if the readouts have one."""
    steps = heads["idx"]["kspace_encode_step_2"][used]
    if not steps.any():
        return None
    if scan.partitions is None:
        raise InputError(
            f"{path}: its readouts have a second phase encoding, up to step {steps.max()}, but its header says that "
            "the encoded matrix has a single partition"
        )
    return scan.partitions


def _columns(heads: Heads, scan: ScanHeader, partitions: Partitions | None) -> tuple[Indices, int, int]:
    """Return the column of every readout, the number of columns, and the column at the centre of k-space."""
    lines = scan.matrix[1]
    columns = heads["idx"]["kspace_encode_step_1"].astype(np.int64) - scan.center + lines // 2
    if partitions is None:
        return columns, lines, lines // 2
    count = partitions.count
    second = heads["idx"]["kspace_encode_step_2"].astype(np.int64) - partitions.center + count // 2
    inside = (columns >= 0) & (columns < lines) & (second >= 0) & (second < count)
    return np.where(inside, columns * count + second, -1), lines * count, lines // 2 * count + count // 2


def _check_steps(
    path: Path, heads: Heads, outside: NDArray[np.bool_], scan: ScanHeader, partitions: Partitions | None
) -> None:
    """Refuse phase-encoding steps outside the encoded matrix."""
    if not outside.any():
        return
    first, second = (int(heads["idx"][f"kspace_encode_step_{axis}"][outside][0]) for axis in (1, 2))
    if partitions is None:
        line, lines, center = f"line {first}", f"{scan.matrix[1]} lines", f"{scan.center}"
    else:
        line, lines = f"line {first} of partition {second}", f"{scan.matrix[1]} x {partitions.count} lines"
        center = f"{scan.center}, {partitions.center}"
    raise InputError(f"{path}: {line} does not fit an encoded matrix of {lines} with its centre at {center}")


def _has(flags: NDArray[np.uint64], bits: np.uint64) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = (flags & bits) != 0
    return chosen


def _check_channels(path: Path, heads: Heads, imaging: NDArray[np.bool_], used: NDArray[np.bool_]) -> None:
    channels = np.unique(heads["active_channels"][used])
    if len(channels) != 1 or channels[0] == 0:
        raise InputError(f"{path}: its readouts have different numbers of channels: {', '.join(map(str, channels))}")
    if np.unique(heads["trajectory_dimensions"][imaging]).max() > 3:
        raise InputError(f"{path}: a readout claims a trajectory of more than 3 dimensions")


def _separate(
    scan: ScanHeader,
    heads: Heads,
    columns: Indices,
    images: Indices,
    imaging: NDArray[np.bool_],
    calibrating: NDArray[np.bool_],
) -> bool:
    """Return whether calibration lines are a separate scan: by the header, or because both scans measured a line."""
    if scan.separate_calibration is not None:
        return scan.separate_calibration
    if (heads["encoding_space_ref"][calibrating] != 0).any():
        return True
    places = [set(zip(images[rows], columns[rows], strict=True)) for rows in (imaging, calibrating)]
    return bool(places[0] & places[1])


def _grouped(counters: Indices, columns: Indices, chosen: NDArray[np.bool_]) -> dict[Key, Lines]:
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return {}
    which = number_rows(counters[rows])
    order = np.argsort(which, kind="stable")
    parts = np.split(rows[order], np.cumsum(np.bincount(which))[:-1])
    return {tuple(counters[part[0]].tolist()): Lines(part, columns[part]) for part in parts}


def _check_directions(path: Path, images: Indices, backward: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> None:
    """Refuse images whose readouts run in both directions; where all run backward, turning them round is enough."""
    directions = np.unique(2 * images[chosen] + backward[chosen])
    if len(directions) > len(np.unique(directions // 2)):
        raise InputError(
            f"{path}: holds readouts of alternating direction (EPI), which need a phase correction and cannot be "
            f"read; {CORRECT_FIRST}"
        )


def _placement(
    path: Path, heads: Heads, scan: ScanHeader, used: NDArray[np.bool_], backward: NDArray[np.bool_]
) -> tuple[Indices, tuple[Indices, Indices]]:
    """Place every readout so that its echo lies in the middle row; asymmetric echoes leave rows empty."""
    matrix = scan.matrix[0]
    samples, before, after, center = (
        heads[name].astype(np.int64) for name in ("number_of_samples", "discard_pre", "discard_post", "center_sample")
    )
    before, after = np.where(backward, after, before), np.where(backward, before, after)
    center = np.where(backward, samples - 1 - center, center)
    whole = (samples == matrix) & (before == 0) & (after == 0)
    first = np.where(whole, 0, matrix // 2 - center + before)
    last = first + samples - before - after
    wrong = used & ((first < 0) | (last > matrix) | (last <= first))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{path}: readout {row} of {samples[row]} samples with its echo at {center[row]} does not fit an encoded "
            f"matrix of {matrix}"
        )
    return first, (before, samples - after)
