"""Reads the parts of a file in fastMRI's layout and checks each against the k-space."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Geometry, Header, from_table, is_valid_geometry
from recon.data.errors import InputError
from recon.data.formats.header.reader import parse_header
from recon.data.formats.header.text import check_header_fits
from recon.data.formats.header.xml import HeaderError
from recon.data.masks.measured import check_center, prospective_mask
from recon.data.series import Frame
from recon.data.storage.hdf5 import attribute, holds, read_dataset, read_text

TARGETS = {3: "reconstruction_esc", 4: "reconstruction_rss"}
"""Name of the target by number of axes of the k-space; single-coil files have no coil axis."""

FRAMES = "frames"
"""Name of the table of contrast, cardiac phase, set and repetition of every image, which fastMRI's layout lacks."""

LARGEST_COUNTER = 2**16 - 1
"""Largest counter, as in ISMRMRD."""

Shape = tuple[int, int, int, int]
"""Shape of the k-space `(slices, coils, readout, phase)`."""


def check_kspace(path: Path, kspace: h5py.Dataset) -> None:
    """Refuse k-space of a wrong type or shape.

    Raises
    ------
    InputError
        If the k-space is not complex, is empty, or has a wrong number of axes.
    """
    if kspace.dtype.kind != "c":
        raise InputError(f"{path}: the k-space is of type {kspace.dtype}, not complex")
    if kspace.ndim not in TARGETS:
        raise InputError(
            f"{path}: the k-space has shape {kspace.shape}; expected (slices, coils, readout, phase) "
            "or, for a single coil, (slices, readout, phase)"
        )
    if 0 in kspace.shape:
        raise InputError(f"{path}: the k-space is empty, its shape is {kspace.shape}")


def check_target(path: Path, target: h5py.Dataset, shape: Shape) -> tuple[int, int]:
    """Refuse a target that cannot be an image of the k-space, and return the size of its images.

    Raises
    ------
    InputError
        If its type or its shape does not fit.
    """
    if target.dtype.kind not in "fiu":
        raise InputError(f"{path}: the target is of type {target.dtype}, not real numbers")
    if (
        target.ndim != 3
        or target.shape[0] != shape[0]
        or not 0 < target.shape[1] <= shape[2]
        or not 0 < target.shape[2] <= shape[3]
    ):
        raise InputError(f"{path}: the target's shape {target.shape} does not fit k-space of shape {shape}")
    _, rows, columns = target.shape
    return rows, columns


def read_header(path: Path, file: h5py.File, shape: Shape) -> Header:
    """Read the ISMRMRD header and the attribute `acquisition`.

    Raises
    ------
    InputError
        If either cannot be read, or the header contradicts the k-space.
    """
    contrast = attribute(file, "acquisition")
    if isinstance(contrast, bytes):
        contrast = contrast.decode(errors="replace")
    if contrast is not None and not isinstance(contrast, str):
        raise InputError(f"{path}: the attribute 'acquisition' is not a text")
    try:
        header = parse_header(read_text(file, "ismrmrd_header"), contrast or "", path)
    except HeaderError as error:
        raise InputError(f"{path}: {error}") from error
    check_header_fits(path, header, shape[-2:], shape[0])
    return header


def read_geometry(path: Path, file: h5py.File, slices: int) -> tuple[Geometry, ...] | None:
    """Read the position and orientation of every slice; None if they are not stored.

    Raises
    ------
    InputError
        If they are impossible or have a wrong shape.
    """
    if not holds(file, "geometry"):
        return None
    stored = read_dataset(file, "geometry")
    if stored.shape != (slices, 15) or stored.dtype.kind != "f":
        raise InputError(f"{path}: the geometry is not a table of 15 numbers for each of the {slices} slices")
    geometry = from_table(stored[()])
    if not is_valid_geometry(geometry):
        raise InputError(f"{path}: the geometry holds impossible sizes or directions")
    return geometry


def read_frames(path: Path, file: h5py.File, slices: int) -> tuple[Frame, ...] | None:
    """Read the counters of every image; None if they are not stored.

    Raises
    ------
    InputError
        If they are no table of counters, or there are images without any.
    """
    if not holds(file, FRAMES):
        return None
    stored = read_dataset(file, FRAMES)
    columns = len(fields(Frame))
    if stored.shape != (slices, columns) or stored.dtype.kind not in "iu":
        raise InputError(f"{path}: {FRAMES!r} is not a table of {columns} whole numbers for each of {slices} images")
    table = stored[()]
    if not ((table >= 0) & (table <= LARGEST_COUNTER)).all():
        raise InputError(f"{path}: {FRAMES!r} holds numbers that are not 0 to {LARGEST_COUNTER}")
    return tuple(Frame(*row) for row in table.tolist())


def find_reference(path: Path, file: h5py.File, shape: Shape) -> h5py.Dataset | None:
    """Find the separate calibration scan of each slice or of all slices; None if there is none.

    Raises
    ------
    InputError
        If it has a wrong type, or does not fit the k-space.
    """
    if not holds(file, "reference_scan"):
        return None
    stored = read_dataset(file, "reference_scan")
    slices, coils, readout, phase = shape
    *leading, lines = stored.shape or (0,)
    if (
        stored.dtype.kind != "c"
        or leading not in ([coils, readout], [slices, coils, readout])
        or not 0 < lines <= phase
    ):
        raise InputError(
            f"{path}: the reference scan of type {stored.dtype} has shape {stored.shape}; expected complex "
            f"({coils}, {readout}, lines) or ({slices}, {coils}, {readout}, lines)"
        )
    return stored


def find_noise(path: Path, file: h5py.File, coils: int) -> h5py.Dataset | None:
    """Find the scan without excitation; None if there is none.

    Raises
    ------
    InputError
        If it has a wrong type, or another number of coils.
    """
    if not holds(file, "noise_scan"):
        return None
    stored = read_dataset(file, "noise_scan")
    if stored.dtype.kind != "c" or stored.ndim != 2 or stored.shape[0] != coils or not stored.shape[1]:
        raise InputError(
            f"{path}: the noise scan of type {stored.dtype} has shape {stored.shape}; expected complex "
            f"({coils}, samples)"
        )
    return stored


def read_mask(path: Path, file: h5py.File, shape: Shape, header: Header) -> NDArray[np.bool_] | None:
    """Read the sampling mask; None if all samples were measured.

    Frames of a series may have been measured differently: `mask` then has the shape `(images, 1, phase)` or `(images,
    readout, phase)`, and that of the first undersampled image is returned.

    Raises
    ------
    InputError
        If the mask does not fit the k-space, or selects none of it.
    """
    if not holds(file, "mask"):
        return None
    stored = read_dataset(file, "mask")
    slices, _, readout, phase = shape
    fitting = {(phase,), (readout, phase), (slices, 1, phase), (slices, readout, phase)}
    if stored.shape not in fitting or stored.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: the mask has shape {stored.shape} and type {stored.dtype}, the k-space has {phase} "
            "phase-encoding lines"
        )
    values = stored[()]
    if not np.isfinite(values).all():
        raise InputError(f"{path}: the mask holds NaN or Inf")
    masks = [_image_mask(one, header) for one in (values if values.ndim == 3 else values[None])]
    for mask in masks:
        if not mask.any():
            raise InputError(f"{path}: the mask says that nothing was measured")
        check_center(path, mask)
    return next((mask for mask in masks if prospective_mask(mask, header.padding) is not None), None)


def read_image_mask(file: h5py.File, index: int, header: Header) -> NDArray[np.bool_] | None:
    """Read the mask of one image that `read_mask` has checked; None if all images share one."""
    stored = read_dataset(file, "mask") if holds(file, "mask") else None
    return None if stored is None or stored.ndim < 3 else _image_mask(stored[index], header)


def _image_mask(values: NDArray[Any], header: Header) -> NDArray[np.bool_]:
    """Return a mask of acquired columns, `(phase,)` if there is one row and `(readout, phase)` if there are more."""
    mask = values.astype(bool) & acquired(values.shape[-1], header)
    return mask[0] if mask.ndim == 2 and len(mask) == 1 else mask


def acquired(phase: int, header: Header) -> NDArray[np.bool_]:
    """Return the mask of the acquired columns, those outside the zero padding: bool `(phase,)`."""
    columns = np.arange(phase)
    first, last = header.padding
    return (columns >= first) & (columns < last)


def read_largest(path: Path, file: h5py.File) -> float | None:
    """Read the largest value of the target, the attribute `max`; None if it is missing.

    Raises
    ------
    InputError
        If it is not a finite number of at least 0.
    """
    value = attribute(file, "max")
    if value is None:
        return None
    if not isinstance(value, np.number | int | float) or isinstance(value, complex) or not 0 <= value < math.inf:
        raise InputError(f"{path}: the attribute 'max' is not a finite number of at least 0")
    return float(value)
