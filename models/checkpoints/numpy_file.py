"""Reads the arrays of a NumPy archive of weights that may be hostile: nothing is unpickled, every size is checked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from recon.data.errors import InputError, printable
from recon.data.formats.numpy import DAMAGE, read_member
from recon.models.checkpoints.torch_file import LONGEST_KEY

SUFFIX = ".npy"


def is_numpy_archive(path: Path) -> bool:
    """Return whether a file is a zip archive of `.npy` files, as a torch file, also a zip archive, is not."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except DAMAGE:
        return False
    return bool(names) and all(name.endswith(SUFFIX) for name in names)


def read_numpy_file(path: Path) -> dict[str, Tensor]:
    """Read the arrays of an archive by name.

    Raises
    ------
    InputError
        If the archive is damaged, holds a name twice, or an array is not of real numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(SUFFIX) for name in archive.namelist()]
            arrays = {name: read_member(path, archive, name) for name in names}
    except DAMAGE as error:
        raise InputError(f"{path}: the archive is damaged and cannot be read ({error})") from error
    if len(arrays) < len(names):
        raise InputError(f"{path}: the archive holds an array twice")
    for name, array in arrays.items():
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            quoted = printable(name, LONGEST_KEY)
            raise InputError(f"{path}: the array {quoted} has the type {array.dtype}; weights are real numbers")
    return {name: torch.from_numpy(array.astype(array.dtype.newbyteorder("="))) for name, array in arrays.items()}
