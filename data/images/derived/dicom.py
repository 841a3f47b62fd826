"""Reads magnitude images of DICOM files, and writes images derived from them as a series of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from recon.data.errors import InputError
from recon.data.images import WARNING
from recon.data.images.derived.series import Images, Series
from recon.data.storage.atomic import atomic_path
from recon.data.storage.limits import check_size

LONGEST = 64
"""Number of characters of a description."""

STALE = [f"{which}{what}" for which in ("Smallest", "Largest") for what in ("ImagePixelValue", "PixelValueInSeries")]
"""Attributes that describe the pixels that are replaced."""


def read_dicom(path: Path) -> Series:
    """Read one file with any number of frames.

    Raises
    ------
    InputError
        If the file is damaged, its compression unknown, or it holds anything but gray images.
    """
    try:
        file: Any = dcmread(path)
        stored = file.pixel_array.reshape(_shape(path, file))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: is not a DICOM image that can be read: {error}") from error
    signed, bits = bool(file.PixelRepresentation), int(file.BitsStored)
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def write(target: Path, derived: Images, note: str) -> None:
        copy = dcmread(path)
        _mark_derived(copy, note)
        pixels = np.clip(np.rint(derived), lowest, highest).astype(stored.dtype.newbyteorder("<"))
        copy.PixelData = pixels.tobytes()
        copy["PixelData"].VR = "OW" if file.BitsAllocated > 8 else "OB"
        copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
        with atomic_path(target) as temporary:
            copy.save_as(temporary, enforce_file_format=True)

    return Series(path, stored.astype(np.float32), write, _measured(file))


def _measured(file: Any) -> tuple[int, int] | None:
    """Return the acquisition matrix, the larger number for the longer side, as scanners disagree; None if unknown."""
    matrix = file.get("AcquisitionMatrix")
    numbers = sorted(int(number) for number in matrix if number) if isinstance(matrix, Sequence) else []
    if len(numbers) != 2 or numbers[0] < 2:
        return None
    small, large = numbers
    rows, columns = (large, small) if file.Rows >= file.Columns else (small, large)
    return min(rows, file.Rows), min(columns, file.Columns)


def _shape(path: Path, file: Any) -> tuple[int, int, int]:
    """Return the number of frames, rows and columns that a file declares, before memory is taken for them."""
    if "PixelData" not in file or file.SamplesPerPixel != 1:
        raise InputError(f"{path}: holds no gray images")
    shape = int(file.get("NumberOfFrames") or 1), int(file.Rows), int(file.Columns)
    check_size(path, "the image", shape, 4)
    return shape


def _mark_derived(file: Any, note: str) -> None:
    """Make a file a new instance that names its source; all files of a series go to the same new series."""
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = file.SOPClassUID, file.SOPInstanceUID
    file.SourceImageSequence = [source]
    file.SOPInstanceUID = generate_uid(prefix=None)
    file.SeriesInstanceUID = _derived_uid(str(file.get("SeriesInstanceUID", "")), note)
    file.ImageType = ["DERIVED", "SECONDARY", *list(file.get("ImageType") or [])[2:]]
    described = str(file.get("SeriesDescription") or "")
    room = LONGEST - len(WARNING) - 2
    file.SeriesDescription = f"{f'{described} {note}'.strip()[:room]}, {WARNING}"
    file.DerivationDescription = f"{note}, {WARNING}"
    for name in STALE:
        if name in file:
            delattr(file, name)


def _derived_uid(series: str, note: str) -> UID:
    """Return the UID of the series derived from another one (a UUID, as DICOM PS3.5 B.2 allows)."""
    digest = hashlib.sha256(f"{series} {note}".encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:15], 'big')}")
