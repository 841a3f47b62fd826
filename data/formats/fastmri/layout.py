"""Reads and writes fastMRI's HDF5 layout: raw k-space with its target, and reconstructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from recon.data.acquisition import Acquisition, Header, as_table
from recon.data.formats.fastmri.parts import (
    FRAMES,
    TARGETS,
    check_kspace,
    check_target,
    find_noise,
    find_reference,
    read_frames,
    read_geometry,
    read_header,
    read_largest,
    read_mask,
)
from recon.data.formats.format import Format
from recon.data.formats.header.writer import format_header
from recon.data.formats.whole_scan import WholeScan
from recon.data.storage.hdf5 import holds, open_hdf5, read_dataset
from recon.data.storage.new_hdf5 import new_hdf5
from recon.data.volume import MeanVolume


@dataclass(frozen=True)
class FastMRIVolume(MeanVolume):
    """An opened raw-data file.

    Attributes
    ----------
    path
        Path of the file.
    shape
        `(slices, coils, readout, phase)`.
    header
        Matrix, padding, field of view, contrast.
    mask
        bool `(phase,)` or `(readout, phase)` of a prospectively undersampled scan, of the first undersampled image if
        they differ; None if fully sampled.
    target_name
        Name of the data set that holds the reference image; None if there is none.
    target_size
        Size of the reference image `(rows, columns)`; None if there is none.
    target_max
        Largest value of the target over the volume (attribute `max`); None if unknown.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header
    mask: npt.NDArray[np.bool_] | None
    target_name: str | None
    target_size: tuple[int, int] | None
    target_max: float | None

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name

    @property
    def calibration_lines(self) -> int:
        """Number of calibration lines of a separate scan; 0 if there was none."""
        with open_hdf5(self.path) as file:
            reference = find_reference(self.path, file, self.shape)
            return 0 if reference is None else int(reference.shape[-1])

    @property
    def choices(self) -> Mapping[str, str]:
        """Always empty: the file describes itself."""
        return {}

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Return `index`: the volume holds every slice of the file."""
        return index

    def read(self, index: int) -> Acquisition:
        """Read the slice at `index`.

        Raises
        ------
        InputError
            If the file is damaged or the slice holds values that are not finite.
        """
        from recon.data.formats.fastmri.samples import read_slice  # noqa: PLC0415 - loads torch

        return read_slice(self, index)

    def read_target(self) -> npt.NDArray[np.float32] | None:
        """Read the reference images of all slices, float32 `(slices, rows, columns)`; None if there are none.

        Raises
        ------
        InputError
            If the file is damaged or the images are not finite.
        """
        from recon.data.formats.fastmri.samples import read_target  # noqa: PLC0415 - loads torch

        return read_target(self)


def open_fastmri(path: Path) -> FastMRIVolume:
    """Read everything but the samples of a raw-data file.

    Raises
    ------
    InputError
        If the file is not HDF5, is damaged, lacks k-space or header, or contradicts itself.
    """
    with open_hdf5(path) as file:
        kspace = read_dataset(file, "kspace")
        check_kspace(path, kspace)
        shape = kspace.shape if kspace.ndim == 4 else (kspace.shape[0], 1, *kspace.shape[1:])
        target_name = TARGETS[kspace.ndim] if holds(file, TARGETS[kspace.ndim]) else None
        target_size = check_target(path, read_dataset(file, target_name), shape) if target_name else None
        header = replace(
            read_header(path, file, shape),
            geometry=read_geometry(path, file, shape[0]),
            frames=read_frames(path, file, shape[0]),
            fastmri=True,
        )
        find_reference(path, file, shape)
        find_noise(path, file, shape[1])
        return FastMRIVolume(
            path=path,
            shape=shape,
            header=header,
            mask=read_mask(path, file, shape, header),
            target_name=target_name,
            target_size=target_size,
            target_max=read_largest(path, file),
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
    tables: Mapping[str, npt.NDArray[np.float32]] | None = None,
) -> None:
    """Write a raw-data file, completely or not at all.

    Parameters
    ----------
    path
        Path of the file.
    kspace
        complex64 `(slices, coils, readout, phase)`.
    header
        Content of the ISMRMRD header and of the attribute `acquisition`.
    target
        float32 `(slices, rows, columns)`: reference images.
    mask
        bool `(phase,)`, `(readout, phase)`, or `(images, 1 or readout, phase)` if images have masks of their own:
        mask of a prospectively undersampled scan.
    patient_id
        Identifier that files of the same person share.
    calibration
        complex64 `(slices, coils, readout, lines)`: calibration lines of a separate scan.
    noise
        complex64 `(coils, samples)`: scan without excitation.
    tables
        Further data sets by name, which no reader of raw data looks for.
    """
    slices, coils, *matrix = kspace.shape
    with new_hdf5(path) as file:
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
        file.update(tables or {})
        if header.geometry is not None:
            file["geometry"] = as_table(header.geometry)
        if header.frames is not None:
            file[FRAMES] = np.array([astuple(frame) for frame in header.frames], np.uint16)


def write_reconstruction(
    path: Path,
    images: npt.NDArray[np.float32],
    maps: Mapping[str, npt.NDArray[np.float32]] | None = None,
    **attributes: str | float,
) -> None:
    """Write images in fastMRI's submission layout, completely or not at all.

    Parameters
    ----------
    path
        Path of the file.
    images
        float32 `(slices, rows, columns)`.
    maps
        Maps of the shape of `images`, by the names of their data sets.
    **attributes
        Attributes of the file.
    """
    with new_hdf5(path) as file:
        for name, values in {"reconstruction": images, **(maps or {})}.items():
            file[name] = values
        file.attrs.update(attributes)


def is_fastmri(path: Path) -> bool:
    """Return whether a file is HDF5 and holds k-space under fastMRI's name."""
    if not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return holds(file, "kspace")


def write_fastmri(path: Path, scan: WholeScan) -> None:
    """Write a whole scan."""
    write_volume(
        path,
        scan.kspace,
        scan.header,
        target=scan.target,
        mask=scan.mask,
        calibration=scan.calibration,
        noise=scan.noise,
    )


KEEPS = frozenset({"masks", "header", "calibration", "noise", "target"})

FASTMRI = Format("fastMRI", (".h5", ".hdf5"), is_fastmri, open_fastmri, write_fastmri, KEEPS)
