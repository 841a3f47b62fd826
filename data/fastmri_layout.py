"""fastMRI's HDF5 layout: raw k-space with its target in, reconstructions out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import torch

from data.acquisition import Acquisition, Header
from data.atomic import atomic_path
from data.contents import Contents
from data.errors import InputError
from data.format import Format
from data.geometry import Geometry, as_table, from_table
from data.hdf5 import OpenFile, attribute, holds, open_hdf5, read_dataset, read_text
from data.header import HeaderError, format_header, parse_header
from data.sampling import prospective
from data.shared_memory import empty

TARGETS = {3: "reconstruction_esc", 4: "reconstruction_rss"}
"""Name of the target by the rank of the k-space: single-coil files have no coil axis."""


@dataclass(frozen=True)
class FastMRIVolume:
    """One raw-data file, known by its header; slices are read one at a time.

    Attributes
    ----------
    path
        The file.
    shape
        `(slices, coils, readout, phase)`.
    header
        Matrix, padding, field of view, contrast.
    mask
        bool `(phase,)` or `(readout, phase)` of a prospectively undersampled scan; None if fully sampled.
    target_name
        The data set that holds the reference image; None if there is none.
    target_max
        Largest value of the target over the volume (the attribute `max`); None if unknown.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    mask: torch.Tensor | None
    target_name: str | None
    target_max: float | None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Tell which slice of the file the one at `index` is: that one, as all are there."""
        return index

    def read(self, index: int, open_file: OpenFile = open_hdf5) -> Acquisition:
        """Read one slice.

        Parameters
        ----------
        index
            Of the slice, from 0.
        open_file
            Opens the file, or keeps it open from one slice to the next.

        Raises
        ------
        InputError
            If the file is damaged or the slice holds values that are not finite.
        """
        with open_file(self.path) as file:
            kspace = _read(read_dataset(file, "kspace"), index, torch.complex64)
            target = _read(read_dataset(file, self.target_name), index, torch.float32) if self.target_name else None
            reference = _reference(self.path, file, index)
            noise = _noise(self.path, file)
        self._check_finite(kspace, f"k-space of slice {index}")
        if target is not None:
            self._check_finite(target, f"target of slice {index}")
        if reference is not None:
            self._check_finite(reference, "reference scan")
        if noise is not None:
            self._check_finite(noise, "noise scan")
        mask = _acquired(self.shape[-1], self.header) if self.mask is None else self.mask
        kspace = kspace.reshape(self.shape[1:])
        return Acquisition(
            kspace=kspace if mask.all() else kspace.mul_(mask),
            mask=mask,
            header=self.header,
            target=target,
            calibration=reference,
            noise=noise,
            name=self.name,
            slice=index,
        )

    def read_target(self) -> npt.NDArray[np.float32] | None:
        """Read the reference images of all slices, float32 `(slices, rows, columns)`; None if there are none.

        Raises
        ------
        InputError
            If the file is damaged or the images are not finite.
        """
        if self.target_name is None:
            return None
        with open_hdf5(self.path) as file:
            target = _read(read_dataset(file, self.target_name), None, torch.float32)
        self._check_finite(target, "target")
        images: npt.NDArray[np.float32] = target.numpy()
        return images

    def _check_finite(self, values: torch.Tensor, what: str) -> None:
        real = torch.view_as_real(values) if values.is_complex() else values
        # A sum is several times quicker than a look at every value, and finite only if all of them are.
        if not real.sum().isfinite() and not real.isfinite().all():
            raise InputError(f"{self.path}: the {what} holds NaN or Inf")


def open_fastmri(path: Path) -> FastMRIVolume:
    """Read everything but the samples of a raw-data file.

    Raises
    ------
    InputError
        If the file is not HDF5, is damaged, lacks k-space or header, or its parts contradict each other.
    """
    with open_hdf5(path) as file:
        kspace = read_dataset(file, "kspace")
        _check_kspace(path, kspace)
        shape = kspace.shape if kspace.ndim == 4 else (kspace.shape[0], 1, *kspace.shape[1:])
        contrast = _text(attribute(file, "acquisition") or "")
        target_name = TARGETS[kspace.ndim] if holds(file, TARGETS[kspace.ndim]) else None
        if target_name:
            _check_target(path, read_dataset(file, target_name), shape)
        header = replace(_header(path, file, shape, contrast), geometry=_geometry(path, file, shape[0]))
        return FastMRIVolume(
            path=path,
            shape=shape,
            header=header,
            mask=_mask(path, file, shape, header),
            target_name=target_name,
            target_max=_largest(path, attribute(file, "max")),
        )


def write_volume(
    path: Path,
    kspace: npt.NDArray[np.complex64],
    header: Header,
    target: npt.NDArray[np.float32] | None = None,
    mask: npt.NDArray[np.bool_] | None = None,
    patient_id: str = "",
    calibration: npt.NDArray[np.complex64] | None = None,
    noise: npt.NDArray[np.complex64] | None = None,
) -> None:
    """Write a raw-data file, whole or not at all.

    Parameters
    ----------
    path
        Where to.
    kspace
        complex64 `(slices, coils, readout, phase)`.
    header
        Becomes the ISMRMRD header and the attribute `acquisition`.
    target
        float32 `(slices, rows, columns)`.
    mask
        bool `(phase,)` of a prospectively undersampled scan.
    patient_id
        Groups files of one person.
    calibration
        complex64 `(slices, coils, readout, lines)` of a separate scan.
    noise
        complex64 `(coils, samples)` of a scan without excitation.
    """
    slices, coils, *matrix = kspace.shape
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["ismrmrd_header"] = format_header(header, (matrix[0], matrix[1]), coils, slices)
        file["kspace"] = kspace
        file.attrs["acquisition"] = header.contrast
        file.attrs["patient_id"] = patient_id
        if target is not None:
            file["reconstruction_rss"] = target
            file.attrs["max"] = float(target.max())
            file.attrs["norm"] = float(np.linalg.norm(target))
        if mask is not None:
            file["mask"] = mask.astype(np.uint8)
        if calibration is not None:
            file["reference_scan"] = calibration
        if noise is not None:
            file["noise_scan"] = noise
        if header.geometry is not None:
            file["geometry"] = as_table(header.geometry)


def write_reconstruction(path: Path, images: npt.NDArray[np.float32], **attributes: str | float) -> None:
    """Write images `(slices, rows, columns)` in fastMRI's submission layout, whole or not at all."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["reconstruction"] = images
        file.attrs.update(attributes)


def _read(dataset: h5py.Dataset, index: int | None, dtype: torch.dtype) -> torch.Tensor:
    """Read one slice, or everything, straight to where the tensor lies; HDF5 converts other types on the way.

    By h5py's lower level, whose selections take a tenth of the time.
    """
    identifier = dataset.id
    if index is None:
        values = empty(identifier.shape, dtype)
        identifier.read(h5py.h5s.ALL, h5py.h5s.ALL, values.numpy())
        return values
    _, *shape = identifier.shape
    values = empty(tuple(shape), dtype)
    chosen = identifier.get_space()
    chosen.select_hyperslab((index, *(0 for _ in shape)), (1, *shape))
    identifier.read(h5py.h5s.create_simple(tuple(shape)), chosen, values.numpy())
    return values


def _check_kspace(path: Path, kspace: h5py.Dataset) -> None:
    if kspace.dtype.kind != "c":
        raise InputError(f"{path}: the k-space is of type {kspace.dtype}, not complex")
    if kspace.ndim not in TARGETS:
        raise InputError(
            f"{path}: the k-space has shape {kspace.shape}; expected (slices, coils, readout, phase) "
            "or, for a single coil, (slices, readout, phase)"
        )
    if 0 in kspace.shape:
        raise InputError(f"{path}: the k-space is empty, its shape is {kspace.shape}")


def _check_target(path: Path, target: h5py.Dataset, shape: tuple[int, ...]) -> None:
    if target.ndim != 3 or target.shape[0] != shape[0] or target.shape[1] > shape[2] or target.shape[2] > shape[3]:
        raise InputError(f"{path}: the target's shape {target.shape} does not fit k-space of shape {shape}")


def _header(path: Path, file: h5py.File, shape: tuple[int, ...], contrast: str) -> Header:
    text = read_text(file, "ismrmrd_header")
    try:
        header = parse_header(text, contrast)
    except HeaderError as error:
        raise InputError(f"{path}: {error}") from error
    first, last = header.padding
    if not 0 <= first < last or first >= shape[-1]:
        raise InputError(
            f"{path}: the header says that lines {first} to {last - 1} were acquired, of {shape[-1]} in the k-space"
        )
    if 0 in header.crop:
        raise InputError(f"{path}: the header's reconstruction matrix is {header.crop}")
    return header


def _geometry(path: Path, file: h5py.File, slices: int) -> tuple[Geometry, ...] | None:
    if not holds(file, "geometry"):
        return None
    table = read_dataset(file, "geometry")
    if table.shape != (slices, 15) or table.dtype.kind != "f" or not np.isfinite(table[()]).all():
        raise InputError(f"{path}: the geometry is not a table of 15 finite numbers for each of the {slices} slices")
    return from_table(table[()])


def _reference(path: Path, file: h5py.File, index: int) -> torch.Tensor | None:
    """Read the separate calibration scan: that of the slice, or the one for all."""
    if not holds(file, "reference_scan"):
        return None
    stored = read_dataset(file, "reference_scan")
    if stored.dtype.kind != "c" or stored.ndim not in {3, 4} or (stored.ndim == 4 and index >= len(stored)):
        raise InputError(
            f"{path}: the reference scan of type {stored.dtype} has shape {stored.shape}; expected complex "
            "(coils, readout, lines) or (slices, coils, readout, lines)"
        )
    return _read(stored, index if stored.ndim == 4 else None, torch.complex64)


def _noise(path: Path, file: h5py.File) -> torch.Tensor | None:
    if not holds(file, "noise_scan"):
        return None
    stored = read_dataset(file, "noise_scan")
    if stored.dtype.kind != "c" or stored.ndim != 2:
        raise InputError(
            f"{path}: the noise scan of type {stored.dtype} has shape {stored.shape}; expected complex "
            "(coils, samples)"
        )
    return _read(stored, None, torch.complex64)


def _mask(path: Path, file: h5py.File, shape: tuple[int, ...], header: Header) -> torch.Tensor | None:
    if not holds(file, "mask"):
        return None
    stored = read_dataset(file, "mask")[()]
    if stored.shape not in (shape[-1:], shape[-2:]):
        raise InputError(
            f"{path}: the mask has shape {stored.shape}, the k-space has {shape[-1]} phase-encoding lines"
        )
    return prospective(torch.from_numpy(stored.astype(bool)) & _acquired(shape[-1], header), header.padding)


def _acquired(phase: int, header: Header) -> torch.Tensor:
    """Mark the columns that the scanner acquired, not those of the zero padding."""
    columns = torch.arange(phase)
    first, last = header.padding
    return (columns >= first) & (columns < last)


def _largest(path: Path, value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the attribute 'max' is not a number") from error


def _text(attribute: Any) -> str:
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else str(attribute)


def is_fastmri(path: Path) -> bool:
    """Tell whether a file is HDF5 with k-space where fastMRI's files have it."""
    if not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return holds(file, "kspace")


def write_fastmri(path: Path, contents: Contents) -> None:
    """Write a whole scan.

    Raises
    ------
    InputError
        If its slices were sampled differently.
    """
    write_volume(
        path,
        contents.kspace,
        contents.header,
        target=contents.target,
        mask=contents.mask,
        calibration=contents.calibration,
        noise=contents.noise,
    )


KEEPS = frozenset({"masks", "header", "calibration", "noise", "target"})

FASTMRI = Format("fastMRI", (".h5", ".hdf5"), is_fastmri, open_fastmri, write_fastmri, KEEPS)
