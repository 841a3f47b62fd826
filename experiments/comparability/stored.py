"""Reads a stored comparison: its table, its summary, and the results from which the table was computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.data.open import result_name
from recon.data.storage.hdf5 import attribute, open_hdf5, read_dataset
from recon.experiments.engine.comparison.compare import METRICS, SUMMARY
from recon.experiments.engine.comparison.work import RECONSTRUCTIONS
from recon.experiments.engine.run import Result
from recon.experiments.engine.sampled_volume import AS_ACQUIRED, sampling_label
from recon.experiments.report.scores.files import read_csv
from recon.experiments.report.scores.score import MethodScore

LARGEST = 2**28
"""Bytes of the largest summary that is read."""

Key = tuple[str, str, str, float, str, int]
"""File, method, mask, acceleration, centre fraction as text, seed: what a row of a table is about."""


def key_of(row: MethodScore) -> Key:
    """Return what a row is about; the centre fraction is a text, because an unknown one is NaN."""
    return row.file, row.method, row.mask, row.acceleration, f"{row.center_fraction:g}", row.seed


def title_of(row: MethodScore) -> str:
    """Name volume, sampling and method of a row."""
    return f"{row.file}, {label_of(row)}, {row.method}"


def label_of(row: MethodScore) -> str:
    """Return the sampling of a row in words, for example "4x random seed 1"."""
    return AS_ACQUIRED if row.mask == AS_ACQUIRED else sampling_label(row.acceleration, row.mask, row.seed)


@dataclass(frozen=True)
class StoredFile:
    """A stored result, and what is recorded of how it was made.

    Attributes
    ----------
    path
        HDF5 file.
    protocol
        Everything on which the result depends, see `StoredResult.protocol`.
    masks
        SHA-256 of the sampling masks; None in files of earlier versions, as `machine` and `source` are.
    machine
        Machine on which the result was computed.
    source
        The raw-data file at that time; it need not be there any more.
    sha256
        SHA-256 of images and maps when they were written.
    """

    path: Path
    protocol: dict[str, Any]
    masks: str | None
    machine: dict[str, Any]
    source: Path | None
    sha256: str

    def read(self, maps: Sequence[str]) -> Result:
        """Read the images and the maps of these names.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        with open_hdf5(self.path) as file:
            values = {name: read_dataset(file, name)[()] for name in maps}
            return Result(read_dataset(file, "reconstruction")[()], 0.0, values)


@dataclass(frozen=True)
class StoredComparison:
    """The folder that `recon compare` wrote.

    Attributes
    ----------
    folder
        The folder.
    rows
        Rows of `metrics.csv`.
    summary
        Content of `summary.json`.
    """

    folder: Path
    rows: tuple[MethodScore, ...]
    summary: dict[str, Any]

    @property
    def protocol(self) -> dict[str, Any]:
        """The protocol in the summary."""
        protocol: dict[str, Any] = self.summary["protocol"]
        return protocol

    def path(self, row: MethodScore) -> Path:
        """Return the path of the result of a row."""
        folder = self.folder / RECONSTRUCTIONS / label_of(row).replace(" ", "-") / row.method
        path = folder / result_name(Path(row.file))
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{self.folder / METRICS}: the row of {row.file!r} names a file outside of the folder")
        return path

    def result(self, row: MethodScore) -> StoredFile:
        """Read what is recorded of the result of a row.

        Raises
        ------
        InputError
            If the file is missing, damaged, or not written by `recon compare`.
        """
        return read_stored(self.path(row))

    @cached_property
    def leftovers(self) -> list[Path]:
        """Results in the folder that no row of the table is about, of earlier runs with other methods."""
        listed = {self.path(row) for row in self.rows}
        return sorted(set((self.folder / RECONSTRUCTIONS).glob("*/*/*.h5*")) - listed)

    def sample(self, number: int | None, seed: int) -> list[MethodScore]:
        """Choose rows at random, each at most once; None for all. The choice is the same on every machine."""
        rows = list({key_of(row): row for row in self.rows}.values())
        if number is None or number >= len(rows):
            return rows

        def draw(row: MethodScore) -> str:
            return hashlib.sha256(f"{seed} {key_of(row)}".encode(errors="replace")).hexdigest()

        chosen = set(map(key_of, sorted(rows, key=draw)[:number]))
        return [row for row in rows if key_of(row) in chosen]


def read_comparison(folder: Path) -> StoredComparison:
    """Read the table and the summary of a stored comparison.

    Raises
    ------
    InputError
        If the folder is not that of a finished comparison.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    for name in (METRICS, SUMMARY):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: holds no {name}, so it is not the folder of a finished `recon compare`")
    try:
        rows = read_csv(folder / METRICS)
    except UnicodeDecodeError as error:
        raise InputError(f"{folder / METRICS}: is not a table of metrics") from error
    if not rows:
        raise InputError(f"{folder / METRICS}: the table of metrics has no rows")
    return StoredComparison(folder, tuple(rows), _read_summary(folder / SUMMARY))


def read_stored(path: Path) -> StoredFile:
    """Read what is recorded of a stored result; errors are those of `StoredComparison.result`."""
    with open_hdf5(path) as file:
        texts = {name: attribute(file, name) for name in ("protocol", "sha256", "masks", "machine", "source")}
    try:
        protocol, machine = json.loads(texts["protocol"]), json.loads(texts["machine"] or "{}")
        _check_protocol(protocol)
        source = None if texts["source"] is None else path.parent.resolve() / json.loads(texts["source"])
        return StoredFile(path, protocol, texts["masks"], dict(machine), source, str(texts["sha256"]))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: holds no result of `recon compare` with its protocol") from error


def _check_protocol(protocol: Any) -> None:
    """Check the parts of a protocol that others read without looking."""
    if not all(isinstance(protocol[name], str) for name in ("file", "method", "device", "code", "noise floor")):
        raise TypeError("a part of the protocol is not a text")
    if not all(isinstance(protocol[name], dict) for name in ("settings", "versions")) or not protocol["inputs"]:
        raise TypeError("a part of the protocol is missing")
    for one in protocol["inputs"]:
        _ = one["name"], one["bytes"], one["quick sha256"]


def _read_summary(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: has more than {LARGEST} bytes, no summary of a comparison has")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(summary["protocol"]["methods"], dict) and isinstance(summary["versions"], dict):
            _ = summary["groups"]
            return dict(summary)
    except (LookupError, TypeError, ValueError, RecursionError):
        pass
    raise InputError(f"{path}: is not the summary of a comparison")
