"""Indexes folders of raw data: keeps everything but the samples as JSON, so that files need not be opened again.

The index of the folder `knees/multicoil_train` is `knees/.multicoil_train.index.json`: beside the folder, because
fastMRI's own loader takes every file in it for raw data. If that place is not writable, the index goes to the user's
cache, `$XDG_CACHE_HOME/unrolled-recon/index` or `~/.cache/unrolled-recon/index`. An entry is valid as long as the
size and the modification time of its file stay the same.

Only entries that this user has written are believed: each is sealed by a key in the user's cache. An index that came
with the data, or was edited, might contradict the files, so that it is built again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from recon.data.acquisition import Header
from recon.data.errors import DiskFullError, InputError
from recon.data.formats.fastmri.layout import FASTMRI, FastMRIVolume, open_fastmri
from recon.data.open import list_files, recognise
from recon.data.storage.atomic import atomic_path
from recon.data.storage.hdf5 import attribute, open_hdf5
from recon.data.storage.trial_process import try_in_child

FORMAT = 4
"""Number to raise whenever the meaning of entries changes; an index of another format is built again."""

FILES_PER_PROCESS = 16
"""Smallest number of files that is worth starting a process."""

MOST_PROCESSES = 16

KEY_BYTES = 32

LONGEST_NAME = 40
"""Number of characters of a folder's name in the name of its index in the cache."""

LARGEST_INDEX = 2**28
"""Largest number of bytes of an index that is read."""

Progress = Callable[[int, int], None]
"""Function that receives the number of examined files and the number of all files."""


@dataclass(frozen=True)
class IndexEntry:
    """Entry of the index for one file.

    Attributes
    ----------
    size, modified
        Size in bytes and modification time in nanoseconds since 1970; the entry is valid while both stay the same.
    shape
        `(slices, coils, readout, phase)`.
    header
        Crop, padding, field of view, contrast.
    mask
        Mask of a prospectively undersampled scan; None if fully sampled.
    target_name, target_size, target_max
        Name of the data set of the reference image, its size, and its largest value over the volume.
    attributes
        Attributes of the file that are text or numbers.
    """

    size: int
    modified: int
    shape: tuple[int, int, int, int]
    header: Header
    mask: list[bool] | list[list[bool]] | None
    target_name: str | None
    target_size: tuple[int, int] | None
    target_max: float | None
    attributes: dict[str, str | float]

    def volume(self, path: Path) -> FastMRIVolume:
        """Return the volume that opening the file would return."""
        mask = None if self.mask is None else np.array(self.mask)
        return FastMRIVolume(path, self.shape, self.header, mask, self.target_name, self.target_size, self.target_max)


@dataclass(frozen=True)
class Index:
    """Index of all files that were asked for.

    Attributes
    ----------
    entries
        Entries of the files that can be read, by path and in the order of the inputs.
    problems
        Error message of each file that cannot be read.
    """

    entries: dict[Path, IndexEntry]
    problems: list[str]

    @property
    def volumes(self) -> list[FastMRIVolume]:
        """Opened volumes of the files that can be read."""
        return [entry.volume(path) for path, entry in self.entries.items()]


_ENTRY = TypeAdapter(IndexEntry)


def index_files(inputs: Iterable[Path], strict: bool = False, progress: Progress | None = None) -> Index:
    """Look up every raw-data file in the index, and open new or changed files in several processes.

    Parameters
    ----------
    inputs
        Files and folders.
    strict
        Whether a file that cannot be read is an error or only listed in `problems`.
    progress
        Function that is called after each opened file.

    Raises
    ------
    InputError
        If an input does not exist or a folder is empty; with `strict` also if a file cannot be read.
    """
    files = _listed(list(inputs))
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        by_folder[file.parent].append(file)
    indexed = {folder: load_index(folder) for folder in by_folder}
    found = {file: indexed[file.parent].get(file.name) for file in files}
    outdated = [file for file, entry in found.items() if entry is None or not _is_current(entry, file)]

    problems: list[str] = []
    try:
        for file, result in _examine_all(outdated, progress):
            if isinstance(result, IndexEntry):
                found[file] = result
                continue
            if strict:
                raise InputError(result)
            problems.append(result)
            found[file] = None
    finally:  # keeps the results of an interrupted run
        for folder in {file.parent for file in outdated}:
            fresh = {file.name: entry for file in by_folder[folder] if (entry := found[file]) is not None}
            _store(folder, indexed[folder] | fresh)
    entries = {file: entry for file, entry in found.items() if entry is not None}
    return Index(entries, problems)


def _listed(inputs: list[Path]) -> list[Path]:
    """List the files of fastMRI's layout, and say how to make some of the files of other formats."""
    try:
        return list_files(inputs, FASTMRI.suffixes)
    except InputError:
        for path in inputs:
            others = list_files([path]) if path.is_dir() else []
            if others and not any(other.suffix.lower() in FASTMRI.suffixes for other in others):
                raise InputError(f"{path}: {_how_to_convert(others[0])}") from None
        raise


def _how_to_convert(path: Path) -> str:
    return (
        f"{path.name} is not in fastMRI's layout, which training reads; write it with recon convert {path.name} "
        f"{path.stem}_fastmri.h5"
    )


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
    """Open one file; return an error message if it cannot be read."""
    try:
        try_in_child(path, lambda: _entry(path))
        return _entry(path)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{path}: {error.strerror}"


def _entry(path: Path) -> IndexEntry:
    stat = path.stat()
    try:
        volume = open_fastmri(path)
    except InputError as error:
        if stat.st_size and recognise(path) is not FASTMRI:
            raise InputError(f"{path}: {_how_to_convert(path)}") from error
        raise
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
        target_size=volume.target_size,
        target_max=largest,
        attributes=attributes,
    )


def _plain(value: Any) -> str | float | None:
    """Convert an attribute to a type of JSON; None for arrays and numbers that are not finite."""
    if isinstance(value, bytes | str):
        return value.decode(errors="replace") if isinstance(value, bytes) else value.encode(errors="replace").decode()
    if isinstance(value, np.integer | np.floating) and np.isfinite(value):
        return float(value)
    return None


def _is_current(entry: IndexEntry, file: Path) -> bool:
    stat = os.stat(file)  # noqa: PTH116 - four times faster than Path.stat, which matters for thousands of files
    return (entry.size, entry.modified) == (stat.st_size, stat.st_mtime_ns)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unrolled-recon"


def _places(folder: Path) -> tuple[Path, Path]:
    """Return the possible places of the index of a folder: beside the folder, and in the user's cache."""
    absolute = folder.resolve()
    name = hashlib.sha256(os.fsencode(absolute)).hexdigest()[:16]
    return (
        absolute.with_name(f".{absolute.name}.index.json"),
        _cache() / "index" / f"{absolute.name[:LONGEST_NAME]}-{name}.json",
    )


def _key() -> bytes:
    """Return the key of this user, made at the first call; without a writable cache, a new one for every call."""
    place, fresh = _cache() / "index.key", secrets.token_bytes(KEY_BYTES)
    try:
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            own = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(fresh)
            try:
                os.link(own, place)  # fails if another process was faster, whose key then counts
            except FileExistsError:
                pass
            finally:
                own.unlink()
        key = place.read_bytes()
    except OSError:
        return fresh
    return key if len(key) == KEY_BYTES else fresh


def _seal(key: bytes, name: str, text: str) -> str:
    """Return the seal of the entry of the file called `name`; it fits no other file."""
    return hmac.digest(key, f"{name}\0{text}".encode(errors="surrogatepass"), "sha256").hex()


def load_index(folder: Path) -> dict[str, IndexEntry]:
    """Read the entries from both places, except for those that this user has not written."""
    entries: dict[str, IndexEntry] = {}
    key = _key()
    for place in _places(folder):
        for name, stored in _stored(place).items():
            try:
                text, seal = stored["entry"], stored["seal"]
                if hmac.compare_digest(_seal(key, name, text), seal):
                    entries[name] = _ENTRY.validate_json(text)
            except (LookupError, TypeError, AttributeError, ValueError):  # pydantic's error is a ValueError
                continue
    return entries


def _stored(place: Path) -> dict[str, Any]:
    """Read an index; an index that is damaged, enormous or of another format is empty."""
    try:
        if place.stat().st_size > LARGEST_INDEX:
            return {}
        stored = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict) or stored.get("format") != FORMAT or not isinstance(stored.get("entries"), dict):
        return {}
    entries: dict[str, Any] = stored["entries"]
    return entries


def _store(folder: Path, entries: dict[str, IndexEntry]) -> None:
    there = set(os.listdir(folder))  # noqa: PTH208 - only names are needed
    key = _key()
    sealed = {}
    for name, entry in entries.items():
        if name in there:
            text = _ENTRY.dump_json(entry).decode()
            sealed[name] = {"entry": text, "seal": _seal(key, name, text)}
    content = json.dumps({"format": FORMAT, "entries": sealed})
    for place in _places(folder):
        try:
            with atomic_path(place) as temporary:
                temporary.write_text(content, encoding="utf-8")
        except (OSError, DiskFullError):
            continue
        return
