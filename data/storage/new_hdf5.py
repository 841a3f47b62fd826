"""Writes HDF5 files: whole or not at all, and where there is no room, without harm."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from recon.data.storage.atomic import atomic_path

LARGEST_READ_BACK = 2**20
"""Bytes of a block that HDF5 may want to see again, its own structure and texts; samples it does not."""


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Give a file to be filled, which lies under its name once the block has ended well.

    Raises
    ------
    DiskFullError
        If there is no room.
    """
    with atomic_path(path) as temporary, _Sink(temporary, "w+") as sink:
        try:
            with h5py.File(sink, "w") as file:
                yield file
        finally:
            if sink.problem is not None:
                raise sink.problem


class _Sink(io.FileIO):
    """A file that keeps the first failure to write for later, and goes on as if all were well.

    HDF5 that cannot write its last bytes, or read back what it wrote, can neither close the file nor forget it, and
    may end the process.
    """

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.problem: OSError | None = None
        self._unwritten: dict[int, bytes] = {}

    def write(self, content: Any) -> int:
        """Write all of it, or nothing more if something went wrong before."""
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
        """Read, also what had no room: HDF5 asks for whole blocks again, from where they begin."""
        kept = self._unwritten.get(self.tell(), b"")
        if len(kept) < len(buffer):
            return super().readinto(buffer)
        buffer[:] = kept[: len(buffer)]
        return len(buffer)
