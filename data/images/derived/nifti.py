"""Reads magnitude images of NIfTI files, and writes images derived from them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from recon.data.errors import InputError
from recon.data.images import WARNING
from recon.data.images.derived.series import Images, Series
from recon.data.storage.atomic import atomic_path
from recon.data.storage.limits import check_size

LONGEST = 79
"""Number of characters of the description in a header."""


def read_nifti(path: Path) -> Series:
    """Read a file of two to four dimensions; the slice axis is that of the header, else the third.

    Raises
    ------
    InputError
        If the file is damaged, or holds anything but magnitude images.
    """
    try:
        file: Any = nib.load(path)
        shape = _shape(path, file)
        values = np.asanyarray(file.dataobj).astype(np.float32)
        along = file.header.get_dim_info()[2]
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: is not a NIfTI file that can be read: {error}") from error
    order = _image_axes(len(shape), 2 if along is None else along)
    stack = values.transpose(order)

    def write(target: Path, derived: Images, note: str) -> None:
        back = derived.reshape(stack.shape).transpose(np.argsort(order))
        header = file.header.copy()
        header.set_data_dtype(np.float32)
        header.set_slope_inter(1, 0)
        header["cal_max"], header["cal_min"] = 0, 0
        header["descrip"] = f"{note[: LONGEST - 2 - len(WARNING)]}, {WARNING}".encode()[:LONGEST]
        content = type(file)(back, file.affine, header).to_bytes()
        with atomic_path(target) as temporary:
            temporary.write_bytes(gzip.compress(content, mtime=0) if target.suffix == ".gz" else content)

    return Series(path, stack.reshape(-1, *stack.shape[-2:]), write)


def _shape(path: Path, file: Any) -> tuple[int, ...]:
    """Return the shape that a file declares, before memory is taken for it."""
    shape, dtype = tuple(file.shape), file.get_data_dtype()
    if dtype.kind not in "fiu" or not 2 <= len(shape) <= 4:
        raise InputError(f"{path}: holds values of type {dtype} and shape {shape}, not magnitude images")
    check_size(path, "the image", shape, max(dtype.itemsize, 4))
    return shape


def _image_axes(count: int, slices: int) -> tuple[int, ...]:
    """Order axes so that those of an image are the last two."""
    others = [3, slices][4 - count :] if count > 2 else []
    return (*others, *(axis for axis in range(count) if axis not in others))
