"""The one place that opens HDF5 files for reading."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recon.data.errors import InputError, printable
from recon.data.storage.limits import check_header, check_size

OpenFile = Callable[[Path], AbstractContextManager[h5py.File]]
"""How a reader gets at a file: `open_hdf5`, or `OpenFiles` that keeps it open for the next time."""

FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_SZIP,
    h5py.h5z.FILTER_NBIT,
    h5py.h5z.FILTER_SCALEOFFSET,
    h5py.h5z.FILTER_LZF,
}
"""Those that come with HDF5 and h5py; another one would be code that is loaded from wherever a path points."""

WITHOUT_PROOF = 2**26
"""Bytes that a data set, or a chunk of it, may declare whatever is stored; HDF5 fills the rest with zeros."""

LARGEST_RATIO = 1100
"""No packing that comes with HDF5 saves more than this."""

LONGEST_LIST = 200
"""Letters of a list of names, in a message."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, or not HDF5; also when reading inside the block fails.
    """
    with _open(path) as file, _naming(path):
        yield file


class OpenFiles:
    """Keeps the files that were read last open: one handle for each, in each process its own.

    Parameters
    ----------
    limit
        How many; the one that was not read for longest is closed first.
    """

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._process = os.getpid()
        self._files: OrderedDict[Path, h5py.File] = OrderedDict()

    @contextmanager
    def __call__(self, path: Path) -> Iterator[h5py.File]:
        """Give the file, opened now or before; as `open_hdf5` does, but it stays open.

        Raises
        ------
        InputError
            As `open_hdf5`; the file is opened anew the next time.
        """
        file = self._get(path)
        try:
            with _naming(path):
                yield file
        except InputError:
            self._files.pop(path).close()
            raise

    def __len__(self) -> int:
        return len(self._files)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the handles behind: they are of no use to another process."""
        return {"_limit": self._limit, "_process": 0, "_files": OrderedDict()}

    def _get(self, path: Path) -> h5py.File:
        if self._process != os.getpid():  # a fork: HDF5 handles are not to be shared with the parent
            self._process, self._files = os.getpid(), OrderedDict()
        if path not in self._files:
            if len(self._files) >= self._limit:
                self._files.popitem(last=False)[1].close()
            self._files[path] = _open(path)
        self._files.move_to_end(path)
        return self._files[path]


def attribute(file: h5py.File, name: str) -> Any:
    """Give an attribute of a file, an array of one value as that value; None if there is none.

    Raises
    ------
    InputError
        If its type cannot be read.
    """
    try:
        value = file.attrs.get(name)
    except (TypeError, ValueError) as error:
        raise InputError(f"{file.filename}: the attribute {name!r} is damaged") from error
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) and value.size == 1 else value


def listed(group: h5py.Group) -> str:
    """List what a group holds, for a message."""
    return printable(", ".join(sorted(map(str, group))), LONGEST_LIST) or "nothing"


def holds(group: h5py.Group, name: str) -> bool:
    """Tell whether a group has a link of that name, without following it."""
    return bool(group.id.links.exists(name.encode()))


def is_own(group: h5py.Group, name: str) -> bool:
    """Tell whether what a group has under a name lies there, and is no link to another place."""
    return bool(group.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD)


def read_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Give the data set called `name`, if it lies in this very file and has a size that can be.

    Raises
    ------
    InputError
        If there is none, the message names what there is; if it is linked to or stored elsewhere, packed by an
        unknown filter, or larger than the limit or than what is stored can be.
    """
    path = Path(group.file.filename)
    found = follow(group, name)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{path}: there is no data set {name!r} in the file, only {listed(group)}")
    created = found.id.get_create_plist()
    if created.get_external_count():
        raise InputError(f"{path}: the data set {name!r} is stored in other files, which are not opened")
    if created.get_layout() == h5py.h5d.VIRTUAL:
        raise InputError(f"{path}: the data set {name!r} is made of parts of other files, which are not opened")
    for index in range(created.get_nfilters()):
        code, _, _, label = created.get_filter(index)
        if code not in FILTERS:
            raise InputError(f"{path}: the data set {name!r} is packed by the unknown filter {code} {label!r}")
    try:
        shape, dtype, chunks = found.shape, found.dtype, found.chunks
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the data set {name!r} is damaged, its type cannot be read") from error
    if shape is None:
        raise InputError(f"{path}: the data set {name!r} is empty")
    check_size(path, f"the data set {name!r}", shape, dtype.itemsize)
    declared = math.prod(shape) * dtype.itemsize
    if declared > WITHOUT_PROOF and declared > LARGEST_RATIO * found.id.get_storage_size():
        raise InputError(f"{path}: the data set {name!r} of shape {shape} is declared but not stored in the file")
    if chunks and math.prod(chunks) * dtype.itemsize > max(declared, WITHOUT_PROOF):
        raise InputError(f"{path}: a chunk of the data set {name!r} is larger than the data set of shape {shape}")
    return found


def read_text(group: h5py.Group, name: str) -> bytes:
    """Read the one text that a data set holds.

    Raises
    ------
    InputError
        As `read_dataset`, and if it holds something else or is too long.
    """
    path = Path(group.file.filename)
    stored = read_dataset(group, name)
    text = h5py.check_string_dtype(stored.dtype)
    if text is None or stored.size != 1:
        raise InputError(f"{path}: the data set {name!r} does not hold one text")
    check_header(path, text.length or 0)
    read = stored[()] if stored.shape == () else stored[(0,) * stored.ndim]
    check_header(path, len(read))
    return bytes(read)


def follow(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """Give what is called `name` in a group, None if nothing is; links to other places are refused.

    Raises
    ------
    InputError
        If the name is a soft or an external link.
    """
    if not holds(group, name):
        return None
    if not is_own(group, name):
        raise InputError(f"{group.file.filename}: {name!r} is a link to another place, which is not followed")
    return group[name]


def _open(path: Path) -> h5py.File:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        return h5py.File(path, "r")
    except PermissionError as error:
        raise InputError(f"{path}: there is no permission to read the file") from error
    except OSError as error:
        damaged = "truncated" in str(error) or h5py.is_hdf5(path)
        problem = "the HDF5 file is truncated or damaged" if damaged else "the file is not HDF5"
        raise InputError(f"{path}: {problem}") from error


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn a failure to read into a sentence that names the file."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: the HDF5 file is damaged and cannot be read ({error})") from error
