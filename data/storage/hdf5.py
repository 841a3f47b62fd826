"""Opens HDF5 files for reading, the only module that does.

It is ours because h5py follows links to other files and loads filters from wherever a path variable points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recon.data.errors import InputError, printable
from recon.data.storage.file_pool import opened
from recon.data.storage.limits import check_header, check_size

FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_SZIP,
    h5py.h5z.FILTER_NBIT,
    h5py.h5z.FILTER_SCALEOFFSET,
    h5py.h5z.FILTER_LZF,
}
"""Filters that come with HDF5 and h5py; HDF5 would load the code of any other one from its plugin path."""

ALWAYS_ALLOWED = 2**26
"""Bytes that a data set or a chunk may declare without storing them; HDF5 fills the rest with zeros."""

LARGEST_RATIO = 200
"""Largest ratio of compression of larger data sets: measured numbers hardly compress."""

MOST_ENTRIES = 10_000
"""Largest number of entries of a group that are looked at; listing more takes seconds."""

LONGEST_LIST = 200
"""Number of characters of a list of names in a message."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading, or take it from the pool of open files in use.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, or not HDF5, or if reading inside the block fails.
    """
    with opened(path, _open) as file, _read_errors(path):
        yield file


def attribute(file: h5py.File, name: str) -> Any:
    """Read an attribute of a file; an array of one value is returned as that value, a missing attribute as None.

    Raises
    ------
    InputError
        If the type of the attribute cannot be read.
    """
    try:
        value = file.attrs.get(name)
    except (TypeError, ValueError) as error:
        raise InputError(f"{file.filename}: the attribute {name!r} is damaged") from error
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) and value.size == 1 else value


def entries(group: h5py.Group) -> list[str]:
    """Return the names of the entries of a group.

    Raises
    ------
    InputError
        If there are more than `MOST_ENTRIES`.
    """
    if len(group) > MOST_ENTRIES:
        raise InputError(
            f"{group.file.filename}: the HDF5 file has {len(group)} entries in one group, more than the limit of "
            f"{MOST_ENTRIES}"
        )
    return [name for name in group if isinstance(name, str)]


def listed(group: h5py.Group) -> str:
    """List the names in a group, for a message."""
    if len(group) > MOST_ENTRIES:
        return f"{len(group)} other entries"
    return printable(", ".join(sorted(map(str, group))), LONGEST_LIST) or "nothing"


def holds(group: h5py.Group, name: str) -> bool:
    """Return whether a group has an entry called `name`, without following links."""
    return bool(group.id.links.exists(name.encode()))


def is_own(group: h5py.Group, name: str) -> bool:
    """Return whether the entry called `name` lies in the group itself and is not a link to another place."""
    return bool(group.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD)


def read_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return the data set called `name`, if it is stored in this file and has a plausible size.

    Raises
    ------
    InputError
        If the data set is missing, is a link, is stored in other files, uses an unknown filter, is larger than the
        limit, or is larger than its stored bytes can be.
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
            raise InputError(f"{path}: the data set {name!r} uses the unknown filter {code} {label!r}")
    try:
        shape, dtype, chunks = found.shape, found.dtype, found.chunks
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the data set {name!r} is damaged, its type cannot be read") from error
    if shape is None:
        raise InputError(f"{path}: the data set {name!r} is empty")
    check_size(path, f"the data set {name!r}", shape, dtype.itemsize)
    declared = math.prod(shape) * dtype.itemsize
    stored = found.id.get_storage_size()
    if declared > ALWAYS_ALLOWED and declared > LARGEST_RATIO * stored:
        problem = (
            f"unpacks {stored} bytes to {declared}, as no measurement does"
            if stored
            else "is declared but not stored"
        )
        raise InputError(f"{path}: the data set {name!r} of shape {shape} {problem}")
    if chunks and math.prod(chunks) * dtype.itemsize > max(declared, ALWAYS_ALLOWED):
        raise InputError(f"{path}: a chunk of the data set {name!r} is larger than the data set of shape {shape}")
    return found


def read_text(group: h5py.Group, name: str) -> bytes:
    """Read a data set that holds a single text.

    Raises
    ------
    InputError
        For the reasons of `read_dataset`, or if the data set holds something else or is too long.
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
    """Return the entry called `name` of a group, None if there is none.

    Raises
    ------
    InputError
        If the entry is a soft or an external link.
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
def _read_errors(path: Path) -> Iterator[None]:
    """Turn a failed read into an `InputError` that names the file."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: the HDF5 file is damaged and cannot be read ({error})") from error
