"""Writes HDF5 files that appear complete or not at all, and survives a full disk."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from recon.data.storage.atomic import atomic_path
from recon.data.storage.hdf5 import attribute, open_hdf5

CREATOR = "unrolled-recon"
"""Attribute of every HDF5 file of this program, by which it knows them again."""

LARGEST_READ_BACK = 2**20
"""Bytes of a block that HDF5 may read back: its own structures and texts, never samples."""


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield an empty HDF5 file, which appears at `path` once the block has succeeded.

    Raises
    ------
    DiskFullError
        If the disk is full.
    """
    with atomic_path(path) as temporary, _Sink(temporary, "w+") as sink:
        try:
            with h5py.File(sink, "w") as file:
                file.attrs["creator"] = CREATOR
                yield file
        finally:
            if sink.problem is not None:
                raise sink.problem


def is_own_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5 that this program wrote.

    Raises
    ------
    InputError
        If the file is HDF5 but damaged.
    """
    if not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return bool(attribute(file, "creator") == CREATOR)


class _Sink(io.FileIO):
    """A file that remembers the first failed write, and lets HDF5 go on as if it had succeeded.

    If HDF5 cannot write its last bytes, or read back what it wrote, it can neither close nor forget the file, and it
    may end the process.
    """

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.problem: OSError | None = None
        self._unwritten: dict[int, bytes] = {}

    def write(self, content: Any) -> int:
        """Write everything, or nothing if an earlier write failed."""
        left, place = memoryview(content), self.tell()
        size = len(left)
        try:
            while self.problem is None and left:
                left = left[os.write(self.fileno(), left) :]
        except OSError as error:
            self.problem = error
        if self.problem is not None and size <= LARGEST_READ_BACK:
            self._unwritten[place] = bytes(content)
        return size

    def readinto(self, buffer: Any) -> int | None:
        """Read a block, including one that could not be written; HDF5 always reads back whole blocks."""
        kept = self._unwritten.get(self.tell(), b"")
        if len(kept) < len(buffer):
            return super().readinto(buffer)
        buffer[:] = kept[: len(buffer)]
        return len(buffer)
