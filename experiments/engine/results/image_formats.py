"""Writes images in one format: NIfTI, DICOM, PNG, or fastMRI's HDF5."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from recon.data.errors import InputError, did_you_mean
from recon.data.extras import extra
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.data.images.placement import Stack
from recon.experiments.console import say


class ImageFormat(StrEnum):
    """File format of images."""

    H5 = "h5"
    NIFTI = "nifti"
    DICOM = "dicom"
    ENHANCED_DICOM = "enhanced-dicom"
    PNG = "png"


ENDINGS = {
    ".h5": ImageFormat.H5,
    ".hdf5": ImageFormat.H5,
    ".nii.gz": ImageFormat.NIFTI,
    ".nii": ImageFormat.NIFTI,
    ".dcm": ImageFormat.DICOM,
    ".png": ImageFormat.PNG,
}

ONE_IMAGE = {ImageFormat.DICOM: ".dcm", ImageFormat.PNG: ".png"}
"""Formats whose files hold a single image."""

ONE_FILE = {ImageFormat.NIFTI: ".nii.gz", ImageFormat.ENHANCED_DICOM: ".dcm"}
"""Formats besides HDF5 whose files hold all images."""


def split_ending(name: str) -> tuple[str, str]:
    """Split a file's name into stem and ending, with `.nii.gz` in one piece."""
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), Path(name).suffix)
    return name[: len(name) - len(ending)], ending.lower()


def write_images(path: Path, kind: ImageFormat, images: Stack) -> list[Path]:
    """Write images as NIfTI, DICOM or PNG.

    Parameters
    ----------
    path
        A file; or for DICOM and PNG a folder, in which every image becomes a file. One file of DICOM holds several
        images as enhanced DICOM, and one PNG shows them as a mosaic, or three planes of a 3-D scan.
    kind
        Format of the images.
    images
        Images and their place in the patient.

    Returns
    -------
    list of Path
        Files that were written.

    Raises
    ------
    InputError
        If the images do not fit the format.
    """
    if not np.isfinite(images.images).all():
        raise InputError(f"{path}: the images hold NaN or Inf, which {kind} cannot show")
    write = writer_of(kind)
    if kind is ImageFormat.NIFTI:
        return write(path, images)
    count = len(images.images)
    if kind is ImageFormat.ENHANCED_DICOM or (kind is ImageFormat.DICOM and count > 1 and is_file(path, kind)):
        writer_of(ImageFormat.ENHANCED_DICOM)(path, images)
        return [path]
    if is_file(path, kind):
        if count > 1:
            from recon.data.images.sheet import write_sheet  # noqa: PLC0415 - as the writers of `writer_of`

            say(f"{path}: {write_sheet(path, images)}")
            return [path]
    else:
        for old in numbered_files(path, kind):  # a folder is read as one series
            old.unlink()
    paths = image_paths(path, kind, count)
    write(paths, images)
    return paths


def image_paths(path: Path, kind: ImageFormat, count: int, is_complex: bool = False) -> list[Path]:
    """List the files that `write_images` writes.

    Parameters
    ----------
    path, kind
        As in `write_images`.
    count
        Number of images.
    is_complex
        Whether the images are complex, which in NIfTI takes two files.
    """
    if kind in ONE_IMAGE and not is_file(path, kind):
        return [path / f"{number + 1:04d}{ONE_IMAGE[kind]}" for number in range(count)]
    if kind is ImageFormat.NIFTI and is_complex:
        stem, ending = split_ending(path.name)
        return [path.with_name(f"{stem}_part-{part}{ending}") for part in ("mag", "phase")]
    return [path]


def is_file(path: Path, kind: ImageFormat) -> bool:
    """Return whether the images of a format of single images go to one file, not to a folder."""
    return path.suffix.lower() == ONE_IMAGE[kind]


def numbered_files(folder: Path, kind: ImageFormat) -> list[Path]:
    """List the files of single images in a folder."""
    return sorted(folder.glob(f"[0-9][0-9][0-9][0-9]{ONE_IMAGE[kind]}"))


def writer_of(kind: ImageFormat) -> Callable[..., Any]:
    """Import what writes a format, which is not loaded for others; DICOM and NIfTI are an extra."""
    with extra("images", f"writing {kind}"):
        if kind is ImageFormat.DICOM:
            from recon.data.images.dicom import write_dicom  # noqa: PLC0415

            return write_dicom
        if kind is ImageFormat.ENHANCED_DICOM:
            from recon.data.images.enhanced_dicom import write_enhanced_dicom  # noqa: PLC0415

            return write_enhanced_dicom
        if kind is ImageFormat.NIFTI:
            from recon.data.images.nifti import write_nifti  # noqa: PLC0415

            return write_nifti
    if kind is ImageFormat.PNG:
        from recon.data.images.png import write_png  # noqa: PLC0415

        return write_png
    return write_reconstruction


def parse_format(word: str) -> ImageFormat:
    """Convert the name of a format.

    Raises
    ------
    InputError
        If the format is unknown.
    """
    try:
        return ImageFormat(word)
    except ValueError as error:
        raise InputError(f"unknown format {word!r}{did_you_mean(word, map(str, ImageFormat))}") from error
