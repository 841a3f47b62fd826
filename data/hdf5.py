"""The one place that opens HDF5 files for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from data.errors import InputError


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, or not HDF5; also when reading inside the block fails.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        damaged = "truncated" in str(error) or h5py.is_hdf5(path)
        problem = "the HDF5 file is truncated or damaged" if damaged else "the file is not HDF5"
        raise InputError(f"{path}: {problem}") from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError) as error:
            raise InputError(f"{path}: the HDF5 file is damaged and cannot be read ({error})") from error


def read_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Give the data set called `name`.

    Raises
    ------
    InputError
        If there is none; the message names what there is.
    """
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        there = ", ".join(sorted(file)) or "nothing"
        raise InputError(f"{file.filename}: there is no data set {name!r} in the file, only {there}")
    return found
