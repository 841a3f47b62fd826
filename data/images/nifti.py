"""Writes images as NIfTI."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.images.placement import TO_RAS, Millimetres, Placement, Stack
from recon.data.series import Frame
from recon.data.storage.atomic import atomic_path

UNKNOWN, SCANNER = 0, 1
"""NIfTI's codes of coordinate systems."""

TOLERANCE_MM = 1e-2


def write_nifti(path: Path, stack: Stack) -> list[Path]:
    """Write a stack as one file with the axes `(readout, phase, slice)`, slices in spatial order.

    Complex images become two files with BIDS names, `_part-mag` and `_part-phase` (rad), because viewers would drop
    the imaginary part. Several images at each position become a fourth axis: frames in the order of time, those of
    another contrast or set after them. The time between frames is written if it is known.

    Parameters
    ----------
    path
        Path of the file, which ends in `.nii` or, for compression, in `.nii.gz`.
    stack
        Images to write.

    Returns
    -------
    list[Path]
        Paths of the written files.

    Raises
    ------
    InputError
        If the slices are not parallel and evenly spaced, which one NIfTI file cannot represent.
    """
    order, affine = _grid(path, stack)
    images = stack.images[order]  # (slices, times, rows, columns)
    if not np.iscomplexobj(images):
        return [_write(path, np.asarray(images, np.float32), affine, stack)]
    parts = {"mag": np.abs(images), "phase": np.angle(images)}
    return [_write(_with_part(path, part), values, affine, stack) for part, values in parts.items()]


def _write(path: Path, images: NDArray[np.floating], affine: Millimetres, stack: Stack) -> Path:
    volume = images.transpose(2, 3, 0, 1).astype(np.float32)
    image = nib.Nifti1Image(volume[..., 0] if volume.shape[-1] == 1 else volume, affine)
    code = SCANNER if stack.oriented else UNKNOWN
    image.set_qform(affine, code)
    image.set_sform(affine, code)
    is_series = volume.shape[-1] > 1 and stack.frames is not None
    image.header.set_xyzt_units("mm", "msec" if is_series and stack.frame_interval else None)
    if is_series and stack.frame_interval:
        image.header["pixdim"][4] = stack.frame_interval
    image.header.set_dim_info(freq=0, phase=1, slice=2)
    image.header["descrip"] = f"{stack.description}; not for diagnostic use".encode()[:79]
    content = image.to_bytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def _grid(path: Path, stack: Stack) -> tuple[NDArray[np.intp], Millimetres]:
    """Sort images by position, and return the affine from `(readout, phase, slice)` to millimetres.

    Returns
    -------
    order
        Indices of the images `(slices, times)`.
    affine
        float64 `(4, 4)`.
    """
    first = stack.placements[0]
    if not all(_parallel(first, other) for other in stack.placements):
        raise InputError(f"{path}: the slices are not parallel, which NIfTI cannot represent; write DICOM")
    corners = np.stack([placement.corner for placement in stack.placements])
    heights = np.round((corners - corners[0]) @ first.normal, 2)
    keys = [(frame.contrast, frame.set, *frame.time) for frame in stack.frames or (Frame(),) * len(heights)]
    order = np.lexsort([*np.array(keys).T[::-1], heights])
    slices = len(np.unique(heights))
    if len(heights) % slices or np.ptp(heights[order].reshape(slices, -1), axis=1).any():
        raise InputError(
            f"{path}: some slices lie in one place and others do not, which NIfTI cannot represent; write DICOM"
        )
    order = order.reshape(slices, -1)
    origins = corners[order[:, 0]]
    step = first.normal * first.thickness if slices == 1 else (origins[-1] - origins[0]) / (slices - 1)
    if np.abs(origins - origins[0] - np.arange(slices)[:, None] * step).max() > TOLERANCE_MM:
        raise InputError(f"{path}: the slices are not evenly spaced, which NIfTI cannot represent; write DICOM")
    affine = np.eye(4)
    affine[:3] = np.stack([first.down, first.across, step, origins[0]], axis=1)
    return order, TO_RAS @ affine


def _parallel(one: Placement, other: Placement) -> bool:
    return np.allclose(one.down, other.down, atol=1e-4) and np.allclose(one.across, other.across, atol=1e-4)


def _with_part(path: Path, part: str) -> Path:
    ending = ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
    return path.with_name(f"{path.name.removesuffix(ending)}_part-{part}{ending}")
