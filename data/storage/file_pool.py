"""Keeps files open between reads, so that training does not open a file again for every slice."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar

from recon.data.errors import InputError


class OpenedFile(Protocol):
    """Anything that can be closed."""

    def close(self) -> None:
        """Close the file."""


File = TypeVar("File", bound=OpenedFile)


class FilePool:
    """Keeps the most recently used files open; every process has its own handles.

    Whatever reads files within `with pool.in_use():` takes them from the pool, through `opened`.

    Parameters
    ----------
    limit
        Largest number of open files; the least recently used one is closed first.
    """

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._process = os.getpid()
        self._files: OrderedDict[Path, Any] = OrderedDict()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Make `opened` take files from this pool until the block ends."""
        token = _pool_in_use.set(self)
        try:
            yield
        finally:
            _pool_in_use.reset(token)

    def get(self, path: Path, open_file: Callable[[Path], File]) -> File:
        """Return the file at `path`, opened by `open_file` if it is not open yet."""
        if self._process != os.getpid():  # forked: handles must not be shared with the parent
            self._process, self._files = os.getpid(), OrderedDict()
        if path not in self._files:
            if len(self._files) >= self._limit:
                self._files.popitem(last=False)[1].close()
            self._files[path] = open_file(path)
        self._files.move_to_end(path)
        return self._files[path]

    def close(self, path: Path) -> None:
        """Close the file at `path`, if it is open."""
        if path in self._files:
            self._files.pop(path).close()

    def __len__(self) -> int:
        return len(self._files)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the handles out, which are of no use to another process."""
        return {"_limit": self._limit, "_process": 0, "_files": OrderedDict()}


_pool_in_use: ContextVar[FilePool | None] = ContextVar("file pool in use", default=None)


@contextmanager
def opened(path: Path, open_file: Callable[[Path], File]) -> Iterator[File]:
    """Open a file for the block, or take it from the pool in use, which keeps it open until a read fails.

    Parameters
    ----------
    path
        Path of the file.
    open_file
        Function that opens it.
    """
    pool = _pool_in_use.get()
    if pool is None:
        with closing(open_file(path)) as file:
            yield file
        return
    file = pool.get(path, open_file)
    try:
        yield file
    except InputError:
        pool.close(path)
        raise
