"""What is known of every raw-data file of a folder without reading its samples: gathered once, kept as JSON.

The index of the folder `knees/multicoil_train` is `knees/.multicoil_train.index.json`: beside the folder, because
fastMRI's own loader takes whatever lies inside for raw data. Where that may not be written it goes to the user's
cache, `$XDG_CACHE_HOME/unrolled-recon/index` or `~/.cache/unrolled-recon/index`. An entry holds as long as its file
keeps its size and its time of modification.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from recon.data.acquisition import Header
from recon.data.errors import DiskFullError, InputError
from recon.data.formats.fastmri import FASTMRI, FastMRIVolume, open_fastmri
from recon.data.open import list_files
from recon.data.storage.atomic import atomic_path
from recon.data.storage.hdf5 import attribute, open_hdf5
from recon.data.storage.trial_process import try_in_child

FORMAT = 2
"""To be raised when entries change their meaning; an index of another format is gathered anew."""

FILES_PER_PROCESS = 16
"""Fewer are not worth the start of a process."""

MOST_PROCESSES = 16

Progress = Callable[[int, int], None]
"""Is told how many files were examined, of how many."""


@dataclass(frozen=True)
class IndexEntry:
    """One file.

    Attributes
    ----------
    size, modified
        Bytes, and nanoseconds since 1970: while they stay the rest is taken to hold.
    shape
        `(slices, coils, readout, phase)`.
    header
        Crop, padding, field of view, contrast.
    mask
        Of a prospectively undersampled scan.
    target_name, target_max
        Which data set is the reference, and its largest value over the volume.
    attributes
        Those of the file that are words or numbers.
    """

    size: int
    modified: int
    shape: tuple[int, int, int, int]
    header: Header
    mask: list[bool] | list[list[bool]] | None
    target_name: str | None
    target_max: float | None
    attributes: dict[str, str | float]

    def volume(self, path: Path) -> FastMRIVolume:
        """Give what opening the file would."""
        mask = None if self.mask is None else torch.tensor(self.mask)
        return FastMRIVolume(path, self.shape, self.header, mask, self.target_name, self.target_max)


@dataclass(frozen=True)
class Index:
    """The files that can be read, and what is wrong with the others.

    Attributes
    ----------
    entries
        By path, in the order the files were named.
    problems
        One sentence for each file that cannot be read.
    """

    entries: dict[Path, IndexEntry]
    problems: list[str]

    @property
    def volumes(self) -> list[FastMRIVolume]:
        """The files that can be read, as opened."""
        return [entry.volume(path) for path, entry in self.entries.items()]


@dataclass(frozen=True)
class _Stored:
    format: int
    entries: dict[str, IndexEntry]


_STORED = TypeAdapter(_Stored)


def index_files(inputs: Iterable[Path], strict: bool = False, progress: Progress | None = None) -> Index:
    """Look up every raw-data file; those that are new or have changed are opened, by several processes at once.

    Parameters
    ----------
    inputs
        Files and folders.
    strict
        Whether a file that cannot be read is an error, or only told.
    progress
        Called now and then while files are opened.

    Raises
    ------
    InputError
        If an input does not exist or a folder is empty; with `strict` also if a file cannot be read.
    """
    files = list_files(inputs, FASTMRI.suffixes)
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        by_folder[file.parent].append(file)
    known = {folder: _load(folder) for folder in by_folder}
    found = {file: known[file.parent].get(file.name) for file in files}
    unknown = [file for file, entry in found.items() if entry is None or not _holds(entry, file)]

    problems: list[str] = []
    try:
        for file, result in _examine_all(unknown, progress):
            if isinstance(result, IndexEntry):
                found[file] = result
                continue
            if strict:
                raise InputError(result)
            problems.append(result)
            found[file] = None
    finally:  # what an interrupted run found out need not be found out again
        for folder in {file.parent for file in unknown}:
            fresh = {file.name: entry for file in by_folder[folder] if (entry := found[file]) is not None}
            _store(folder, known[folder] | fresh)
    entries = {file: entry for file, entry in found.items() if entry is not None}
    return Index(entries, problems)


def _examine_all(files: list[Path], progress: Progress | None) -> Iterator[tuple[Path, IndexEntry | str]]:
    processes = min(MOST_PROCESSES, 2 * (os.cpu_count() or 1), len(files) // FILES_PER_PROCESS)
    results = map(_examine, files) if processes < 2 else _examine_together(files, processes)
    for count, pair in enumerate(zip(files, results, strict=True), start=1):
        if progress is not None:
            progress(count, len(files))
        yield pair


def _examine_together(files: list[Path], processes: int) -> Iterator[IndexEntry | str]:
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_examine, files, chunksize=FILES_PER_PROCESS)


def _examine(path: Path) -> IndexEntry | str:
    """Open one file; a sentence if it cannot be read."""
    try:
        try_in_child(path, lambda: _entry(path))
        return _entry(path)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}"


def _entry(path: Path) -> IndexEntry:
    stat = path.stat()
    volume = open_fastmri(path)
    with open_hdf5(path) as file:
        attributes = {name: value for name in file.attrs if (value := _plain(attribute(file, name))) is not None}
    largest = volume.target_max
    if largest is None:
        target = volume.read_target()
        largest = None if target is None else float(target.max())
    return IndexEntry(
        size=stat.st_size,
        modified=stat.st_mtime_ns,
        shape=volume.shape,
        header=volume.header,
        mask=None if volume.mask is None else volume.mask.tolist(),
        target_name=volume.target_name,
        target_max=largest,
        attributes=attributes,
    )


def _plain(value: Any) -> str | float | None:
    """Give an attribute as JSON can hold it; None for arrays and numbers that are not finite."""
    if isinstance(value, bytes | str):
        return value.decode(errors="replace") if isinstance(value, bytes) else value
    if isinstance(value, np.integer | np.floating) and np.isfinite(value):
        return float(value)
    return None


def _holds(entry: IndexEntry, file: Path) -> bool:
    stat = os.stat(file)  # noqa: PTH116 - a quarter of the time of Path.stat, and there are thousands
    return (entry.size, entry.modified) == (stat.st_size, stat.st_mtime_ns)


def _places(folder: Path) -> tuple[Path, Path]:
    """Where the index of a folder may lie: beside it, or in the user's cache."""
    absolute = folder.resolve()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(str(absolute).encode()).hexdigest()[:16]
    return (
        absolute.with_name(f".{absolute.name}.index.json"),
        cache / "unrolled-recon" / "index" / f"{absolute.name}-{name}.json",
    )


def _load(folder: Path) -> dict[str, IndexEntry]:
    """Read both places; an index that is damaged or of another format counts for nothing."""
    entries: dict[str, IndexEntry] = {}
    for place in _places(folder):
        try:
            stored = _STORED.validate_json(place.read_bytes())
        except (OSError, ValidationError):
            continue
        if stored.format == FORMAT:
            entries |= stored.entries
    return entries


def _store(folder: Path, entries: dict[str, IndexEntry]) -> None:
    there = set(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    kept = {name: entry for name, entry in entries.items() if name in there}
    text = json.dumps(asdict(_Stored(FORMAT, kept)))
    for place in _places(folder):
        try:
            with atomic_path(place) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except (OSError, DiskFullError):
            continue
        return
