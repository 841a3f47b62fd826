"""Reads the raw data of the Calgary-Campinas brain MR data set (Souza et al. 2018), HDF5 of 3-D scans.

A file holds `kspace`, real `(positions, ky, kz, 2 coils)`: the readout is transformed already, and real and imaginary
parts alternate along the last axis. The images are numpy's `ifft2` of k-space as it lies, without shifts, though its
centre is in the middle: neighbouring samples alternate in sign, which moves the image by half a field of view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Header
from recon.data.formats.format import Format
from recon.data.formats.hybrid import thinnest_mask
from recon.data.masks.measured import prospective_mask
from recon.data.storage.finite import check_finite
from recon.data.storage.hdf5 import follow, holds, open_hdf5, read_dataset
from recon.data.storage.limits import check_size
from recon.data.volume import VolumeWithoutTarget

MOST_COILS = 128


@dataclass(frozen=True, eq=False)
class CalgaryVolume(VolumeWithoutTarget):
    """An opened file.

    Attributes
    ----------
    path
        Path of the file.
    shape
        `(positions, coils, first phase encoding, second phase encoding)`.
    header
        Matrix; the files hold nothing else.
    """

    path: Path
    shape: tuple[int, int, int, int]
    header: Header

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of the middle position; None if it was fully sampled."""
        mask = thinnest_mask((self._kspace(self.shape[0] // 2) != 0).any(axis=0))
        return prospective_mask(mask, self.header.padding)

    def read(self, index: int) -> Acquisition:
        """Read one position along the readout.

        Raises
        ------
        InputError
            If the file is damaged or holds values that are not finite.
        """
        mask = np.ones(self.shape[3], np.bool_) if self.mask is None else self.mask
        return Acquisition.from_numpy(self._kspace(index), mask, self.header, name=self.name, slice=index)

    def _kspace(self, index: int) -> NDArray[np.complex64]:
        """Read `(coils, first, second phase encoding)` with the image in the middle."""
        with open_hdf5(self.path) as file:
            stored = np.asarray(read_dataset(file, "kspace")[index], np.float32)
        check_finite(self.path, stored, f"k-space of position {index}")
        rows, columns = (np.exp(2j * np.pi * (np.arange(n) - n // 2) * (n // 2) / n) for n in self.shape[2:])
        kspace = np.moveaxis(stored[..., ::2] + 1j * stored[..., 1::2], -1, 0) * (rows[:, None] * columns)
        return np.ascontiguousarray(kspace, np.complex64)


def is_calgary(path: Path) -> bool:
    """Return whether a file is HDF5 with real k-space of four axes, the last of which holds pairs."""
    if not h5py.is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        stored = follow(file, "kspace") if holds(file, "kspace") and not holds(file, "ismrmrd_header") else None
        if not isinstance(stored, h5py.Dataset) or stored.dtype.kind != "f" or stored.ndim != 4:
            return False
        pairs = stored.shape[3]
        return pairs % 2 == 0 and 0 < pairs <= 2 * MOST_COILS and 0 not in stored.shape


def open_calgary(path: Path) -> CalgaryVolume:
    """Read the shape.

    Raises
    ------
    InputError
        If the file is damaged or too large.
    """
    with open_hdf5(path) as file:
        positions, rows, columns, pairs = read_dataset(file, "kspace").shape
    check_size(path, "the k-space of a position", (rows, columns, pairs), 8)
    header = Header(crop=(rows, columns), padding=(0, columns), volumetric=True)
    return CalgaryVolume(path, (positions, pairs // 2, rows, columns), header)


CALGARY = Format("Calgary-Campinas", (), is_calgary, open_calgary)
