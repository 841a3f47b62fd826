"""Opens an image file, whatever its format, as a series from which another one can be derived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.extras import extra
from recon.data.storage.trial_process import try_in_child

Images = NDArray[np.float32]

PREFIX_OF_DICOM = 128
"""Number of bytes before the four letters that mark a DICOM file."""


@dataclass(frozen=True, eq=False)
class Series:
    """Magnitude images of one file.

    Attributes
    ----------
    path
        The file.
    images
        float32 `(images, rows, columns)`.
    write
        Function that writes images of the same shape to a path, in the file's format and with its header, and with a
        sentence that says how they were derived.
    measured
        Size at which the scanner measured the images before it interpolated them; None if the file does not say.
    """

    path: Path
    images: Images
    write: Callable[[Path, Images, str], None]
    measured: tuple[int, int] | None = None


def open_series(path: Path) -> Series:
    """Open a DICOM, NIfTI or HDF5 file of magnitude images; the content decides the format.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another format, or holds anything but magnitude images.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    reader = _reader(path)
    try_in_child(path, lambda: reader(path))
    return reader(path)


def find_series(inputs: list[Path]) -> list[Path]:
    """List image files; of a folder, those of a known format directly in it.

    Raises
    ------
    InputError
        If a folder holds none.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [one for one in sorted(path.iterdir()) if one.is_file() and _kind(one) is not None]
        if not inside:
            raise InputError(f"{path}: holds no DICOM, NIfTI or HDF5 file")
        found += inside
    return found


def is_series(path: Path) -> bool:
    """Return whether a file is of a known format."""
    return path.is_file() and _kind(path) is not None


def _kind(path: Path) -> str | None:
    """Return the format of a file, or None if it is unknown."""
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return "nifti"
    with path.open("rb") as file:
        start = file.read(PREFIX_OF_DICOM + 4)
    if start[PREFIX_OF_DICOM:] == b"DICM":
        return "dicom"
    return "hdf5" if h5py.is_hdf5(path) else None


def _reader(path: Path) -> Callable[[Path], Series]:
    """Import the reader of the file's format alone; DICOM and NIfTI need an extra."""
    kind = _kind(path)
    if kind == "hdf5":
        from recon.data.images.derived.hdf5 import read_hdf5  # noqa: PLC0415

        return read_hdf5
    if kind is None:
        raise InputError(f"{path}: is neither DICOM, NIfTI nor HDF5")
    with extra("images", f"reading {kind}"):
        if kind == "dicom":
            from recon.data.images.derived.dicom import read_dicom  # noqa: PLC0415

            return read_dicom
        from recon.data.images.derived.nifti import read_nifti  # noqa: PLC0415

        return read_nifti
