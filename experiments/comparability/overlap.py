"""Finds what two sets of raw data have in common: volumes, slices, patients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.experiments.comparability.content import VolumeContent
from recon.experiments.comparability.faults import TWICE, Fault

COPY = 0.97
"""Correlation of fingerprints from which slices are copies, however they were scaled, stored or cropped."""

TURNED = 0.85
"""Correlation from which they are copies that were mirrored or transposed, by which they move part of a pixel."""

NEAR = 0.7
"""Correlation from which they may show one patient.

In 19 measured scans of the heads of 10 people, slices of different people reach 0.62, and three quarters of the
neighbouring slices of one scan exceed 0.79.
"""

CHUNK = 4096
"""Number of slices whose fingerprints are compared with all others at once, which bounds the memory."""

SAME_VOLUME, SAME_PATIENT = "volume in both sets", "patient in both sets"
"""Kinds of findings about two sets."""


@dataclass(frozen=True)
class DataSet:
    """The files of one set.

    Attributes
    ----------
    name
        Name of the set: `train`, `val`, `test`.
    volumes
        Contents of its files.
    """

    name: str
    volumes: tuple[VolumeContent, ...]


def shared_between(one: DataSet, other: DataSet) -> list[Fault]:
    """Return what two sets share, in one sentence for each pair of files."""
    return [Fault(kind, f"{one.name} and {other.name}: {text}") for kind, text in _shared(one.volumes, other.volumes)]


def repeated_within(data: DataSet) -> list[Fault]:
    """Return which files of one set hold the same samples; every one of them counts as a row."""
    places: dict[str, list[Path]] = defaultdict(list)
    for volume in data.volumes:
        for sample in {slice_.samples for slice_ in volume.slices}:
            places[sample].append(volume.path)
    pairs: dict[tuple[Path, ...], int] = defaultdict(int)
    for paths in places.values():
        if len(paths) > 1:
            pairs[tuple(paths)] += 1
    return [
        Fault(TWICE, f"{data.name}: {count} slices are in {' and in '.join(map(str, paths))}")
        for paths, count in pairs.items()
    ]


def _shared(first: Sequence[VolumeContent], second: Sequence[VolumeContent]) -> Iterator[Fault]:
    exact = _exact(first, second)
    alike = _alike(first, second)
    for pair in sorted({*exact, *alike, *_by_identifier(first, second)}):
        one, other = first[pair[0]], second[pair[1]]
        names = f"{one.path} and {other.path}"
        copies, near, best = alike.get(pair, (0, 0, 0.0))
        if pair in exact:
            yield Fault(SAME_VOLUME, f"{names} hold {exact[pair]} slices of the same samples")
        elif copies:
            yield Fault(
                SAME_VOLUME, f"{names} hold {copies} slices that are copies of each other (correlation {best:.3f})"
            )
        elif shared := one.identity.shared(other.identity):
            yield Fault(SAME_PATIENT, f"{names} have the same {' and '.join(shared)} in their headers")
        elif near and not one.identity.is_another(other.identity):
            yield Fault(
                SAME_PATIENT,
                f"{names} hold {near} pairs of slices of similar anatomy (correlation up to {best:.2f}), as "
                "neighbouring slices of one patient do",
            )


def _exact(first: Sequence[VolumeContent], second: Sequence[VolumeContent]) -> dict[tuple[int, int], int]:
    """Count the slices of equal samples of each pair of files that has any."""
    places: dict[str, set[int]] = defaultdict(set)
    for index, volume in enumerate(first):
        for slice_ in volume.slices:
            places[slice_.samples].add(index)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for other, volume in enumerate(second):
        for slice_ in volume.slices:
            for index in places.get(slice_.samples, ()):
                counts[index, other] += 1
    return counts


def _by_identifier(first: Sequence[VolumeContent], second: Sequence[VolumeContent]) -> set[tuple[int, int]]:
    """Return the pairs of files that share an identifier."""
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for index, volume in enumerate(first):
        for kind, values in volume.identity.identifiers.items():
            for value in values:
                places[kind, value].add(index)
    return {
        (index, other)
        for other, volume in enumerate(second)
        for kind, values in volume.identity.identifiers.items()
        for value in values
        for index in places.get((kind, value), ())
    }


def _alike(
    first: Sequence[VolumeContent], second: Sequence[VolumeContent]
) -> dict[tuple[int, int], tuple[int, int, float]]:
    """Count copies and near slices of each pair of files that has any, and return the best correlation."""
    prints, owners = _flat(first)
    found: dict[tuple[int, int], tuple[int, int, float]] = {}
    others, other_owners = _flat(second)
    for start in range(0, len(others), CHUNK):
        part, part_owners = others[start : start + CHUNK], other_owners[start : start + CHUNK]
        plain = part @ prints.T
        turned = np.max([view.reshape(len(part), -1) @ prints.T for view in _views(part)], axis=0)
        correlation = np.where((plain < NEAR) & (turned >= TURNED), np.maximum(turned, COPY), plain)
        for row, column in zip(*np.nonzero(correlation >= NEAR), strict=True):
            pair = int(owners[column]), int(part_owners[row])
            copies, near, best = found.get(pair, (0, 0, 0.0))
            value = float(correlation[row, column])
            found[pair] = copies + (value >= COPY), near + 1, max(best, value)
    return found


def _flat(volumes: Sequence[VolumeContent]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the fingerprints of all slices `(slices, SIDE * SIDE)`, and the index of the file of each."""
    prints = np.concatenate([volume.prints for volume in volumes])
    owners = np.repeat(np.arange(len(volumes)), [len(volume.slices) for volume in volumes])
    return prints.reshape(len(prints), -1), owners


def _views(prints: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the images mirrored along either axis, as k-space is with its samples in reverse, and transposed."""
    side = round(prints.shape[1] ** 0.5)
    images = prints.reshape(-1, side, side)
    for upright in (images, images.transpose(0, 2, 1)):
        for axes in ((), (1,), (2,), (1, 2)):
            yield np.roll(np.flip(upright, axes), [1] * len(axes), axes) if axes else upright
