"""Tells images apart that share their counters: by diffusion direction, user counters, position and orientation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError, warn_of_input

Indices = NDArray[np.int64]
Chosen = NDArray[np.bool_]

COUNTERS = ("contrast", "phase", "set", "repetition", "slice")
"""Counters that distinguish images, the slowest first; averages and segments belong to one image."""

SET, SLICE = COUNTERS.index("set"), COUNTERS.index("slice")

SAME_POSITION, SAME_DIRECTION = 0.01, 1e-3
"""Largest differences within an image: of positions, in mm, and of the entries of unit vectors."""

PLACE = (
    ("position", SAME_POSITION),
    ("read_dir", SAME_DIRECTION),
    ("phase_dir", SAME_DIRECTION),
    ("slice_dir", SAME_DIRECTION),
)
"""Fields of a readout's header that say where its image lies, and their largest difference within an image."""


@dataclass(frozen=True, eq=False)
class _Readouts:
    path: Path
    heads: NDArray[Any]
    columns: Indices
    middle: int
    imaging: Chosen


def distinct_counters(
    path: Path, heads: NDArray[Any], columns: Indices, middle: int, imaging: Chosen, diffusion: str | None
) -> Indices:
    """Return the counters of every readout, changed where different images share the same counters.

    Images that differ in a diffusion or user counter get sets of their own, and those that differ in position or
    orientation get slices of their own.

    Parameters
    ----------
    path
        Source of the readouts, for messages.
    heads
        Headers of all readouts.
    columns
        Column of k-space of every readout.
    middle
        Column at the centre of k-space.
    imaging
        Whether each readout belongs to an image.
    diffusion
        Counter that counts the diffusion weightings, as the file's header names it; None if it names none.

    Returns
    -------
    ndarray
        int64 `(readouts, 5)`: the values of `COUNTERS`.

    Raises
    ------
    InputError
        If readouts of one image contradict each other and do not form several whole images.
    """
    readouts = _Readouts(path, heads, columns, middle, imaging)
    counters = np.stack([heads["idx"][name] for name in COUNTERS], axis=1).astype(np.int64)
    weightings = _diffusion(heads, diffusion)
    if weightings is not None:
        counters[:, SET] = _ranks(counters[:, SET], weightings)
    user = number_rows(heads["idx"]["user"])
    repeats = _repeats(readouts, counters)
    if user.any() and repeats:
        labels = np.where(_split(readouts, counters, user, "user counters"), user, 0)
        counters[:, SET] = _ranks(counters[:, SET], labels)
    place = _places(heads, imaging)
    if place.any():
        split = _split(readouts, counters, place, "position or orientation")
        affected = np.isin(counters[:, SLICE], counters[split, SLICE])
        labels = _nearest(heads, np.where(affected, place, 0), affected, imaging)
        counters[:, SLICE] = _ranks(counters[:, SLICE], labels)
    if repeats and _repeats(readouts, counters):
        warn_of_input(
            f"{path}: lines that nothing in their headers tells apart were measured repeatedly; their mean is taken"
        )
    elif user.any() and _differ_between_averages(readouts, counters, user):
        warn_of_input(f"{path}: averages of one line differ in user counters; their mean is taken all the same")
    return counters


def _diffusion(heads: NDArray[Any], name: str | None) -> Indices | None:
    """Return the counter of diffusion weightings, if it is not one that distinguishes images anyway."""
    if name in {"average", "segment"}:
        return heads["idx"][name].astype(np.int64)
    if name in {f"user_{number}" for number in range(8)}:
        return heads["idx"]["user"][:, int(name[-1])].astype(np.int64)
    return None


def number_rows(rows: NDArray[Any]) -> Indices:
    """Return the number of each row `(rows,)` among the different rows of `(rows, values)` in rising order."""
    numbers = np.zeros(len(rows), np.int64)
    for column in rows.T:  # many times faster than np.unique of whole rows
        if (column != column[:1]).any():
            values, ranks = np.unique(column, return_inverse=True)
            numbers = np.unique(numbers * len(values) + ranks.reshape(-1), return_inverse=True)[1].reshape(-1)
    return numbers


def _ranks(numbers: Indices, labels: Indices) -> Indices:
    """Renumber where labels distinguish readouts of the same number; otherwise return the numbers unchanged."""
    return number_rows(np.stack([numbers, labels], axis=1)) if labels.any() else numbers


def _repeats(readouts: _Readouts, counters: Indices) -> bool:
    """Return whether an image holds a line several times within one average."""
    lines = np.column_stack([counters, readouts.heads["idx"]["average"], readouts.columns])[readouts.imaging]
    return int(number_rows(lines).max(initial=-1)) + 1 < len(lines)


def _differ_between_averages(readouts: _Readouts, counters: Indices, user: Indices) -> bool:
    """Return whether averages of one line have different user counters."""
    lines = number_rows(np.column_stack([counters, readouts.columns])[readouts.imaging])
    numbers = user[readouts.imaging]
    pairs = number_rows(np.stack([lines, numbers], axis=1))
    return bool(pairs.max(initial=-1) > lines.max(initial=-1))


def _split(readouts: _Readouts, counters: Indices, labels: Indices, what: str) -> Chosen:
    """Return which readouts belong to an image that labels split into several whole ones."""
    images = number_rows(counters)
    pairs = np.unique(images[readouts.imaging] * (labels.max() + 1) + labels[readouts.imaging])
    numbers, times = np.unique(pairs // (labels.max() + 1), return_counts=True)
    split = np.isin(images, numbers[times > 1])
    rows = np.flatnonzero(split & readouts.imaging)
    rows = rows[np.argsort(images[rows], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(images[rows])) + 1):
        if len(part):
            _check_parts(readouts, part, labels, what)
    return split


def _check_parts(readouts: _Readouts, rows: Indices, labels: Indices, what: str) -> None:
    """Refuse parts that are not whole images: half as large as the largest at least, and with the central line."""
    columns = readouts.columns[rows]
    central = columns[np.abs(columns - readouts.middle).argmin()]
    parts, sizes = np.unique(labels[rows], return_counts=True)
    with_center = np.unique(labels[rows][columns == central])
    if 2 * sizes.min() < sizes.max() or len(with_center) < len(parts):
        odd = int(rows[labels[rows] == parts[sizes.argmin()]][0])
        step = int(readouts.heads["idx"]["kspace_encode_step_1"][odd])
        raise InputError(
            f"{readouts.path}: readouts of one image contradict each other: they differ in {what} (as readout {odd}, "
            f"line {step}, does) but do not form several whole images; correct their headers or leave them out"
        )


def _places(heads: NDArray[Any], chosen: Chosen) -> Indices:
    """Return the number of every readout's place, in rising order along the normal; all zero if there is only one."""
    bins = [_bins(heads[name][:, axis], tolerance, chosen) for name, tolerance in PLACE for axis in range(3)]
    labels = number_rows(np.stack(bins, axis=1))
    if not labels.any():
        return labels
    firsts = np.unique(labels, return_index=True)[1]
    with np.errstate(over="ignore", invalid="ignore"):
        heights = (heads["position"][firsts].astype(np.float64) * heads["slice_dir"][firsts]).sum(axis=1)
    ranks = np.empty(len(firsts), np.int64)
    ranks[np.lexsort((np.arange(len(firsts)), heights))] = np.arange(len(firsts))
    return ranks[labels]


def _bins(values: NDArray[np.float32], tolerance: float, chosen: Chosen) -> Indices:
    """Return the group of every value, where gaps between the chosen values separate the groups; NaN is the last."""
    bins = np.zeros(len(values), np.int64)
    kept = np.sort(values[chosen & ~np.isnan(values)].astype(np.float64))
    with np.errstate(invalid="ignore"):
        gaps = np.flatnonzero(np.diff(kept) > tolerance)
    if len(gaps):
        bins[:] = np.searchsorted((kept[gaps] + kept[gaps + 1]) / 2, values)
    bins[np.isnan(values)] = len(gaps) + 1
    return bins


def _nearest(heads: NDArray[Any], labels: Indices, affected: Chosen, imaging: Chosen) -> Indices:
    """Give calibration lines of a split slice the label of the nearest place that holds imaging readouts."""
    others = np.flatnonzero(affected & ~imaging & ~np.isin(labels, labels[affected & imaging]))
    known, firsts = np.unique(labels[affected & imaging], return_index=True)
    if not len(others) or not len(known):
        return labels
    from scipy.spatial import cKDTree  # noqa: PLC0415 - takes a fifth of a second to import, and is seldom needed

    places = heads["position"][np.flatnonzero(affected & imaging)[firsts]].astype(np.float64)
    nearest = cKDTree(np.nan_to_num(places)).query(np.nan_to_num(heads["position"][others].astype(np.float64)))[1]
    labels = labels.copy()
    labels[others] = known[nearest]
    return labels
