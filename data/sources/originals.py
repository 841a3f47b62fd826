"""Reads the k-space of scans from the files in which their authors publish them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.data.formats.whole_scan import WholeScan
from recon.data.open import open_volume

LARGEST = 2**28
"""Largest number of bytes of an array."""

DAMAGE = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError)
"""Errors that NumPy raises for what is no archive with this array."""

READOUT_PHASE = (-2, -1)

Complex = NDArray[np.complexfloating]


def coil_images(path: Path) -> Iterator[Complex]:
    """Read coil images `(readout, phase, coils)` from a file of NumPy, and return `(1, coils, readout, phase)`.

    The k-space is the centred orthonormal Fourier transform of the images.

    Raises
    ------
    InputError
        If the file holds no such array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("arr_0.npy").file_size > LARGEST:
                raise InputError(f"{path}: is larger than the scan that is expected")
        with np.load(path, allow_pickle=False) as stored:
            images = stored["arr_0"]
    except DAMAGE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: holds no array of coil images") from error
    if images.ndim == 3:
        yield to_kspace(np.moveaxis(images, -1, 0)[np.newaxis])


def matlab_images(path: Path) -> Iterator[Complex]:
    """Read the variable `img` of a MATLAB file: coil images, or their k-space, `(rows, columns, coils)`.

    Which of them, and which axis is the phase encoding, is not written in the file, so that each is offered.

    Raises
    ------
    InputError
        If the file holds no such variable.
    """
    stored = WholeScan.of(open_volume(path, axes="readout phase coils", variable="img")).kspace
    for images in (stored, stored.swapaxes(-2, -1)):
        yield to_kspace(images)
        yield images
        yield to_kspace(images.conj())


def ismrmrd_scan(path: Path) -> Iterator[Complex]:
    """Read the k-space of an ISMRMRD file, as it was sampled and without readout oversampling.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    scan = WholeScan.of(open_volume(path))
    kspace = scan.kspace
    yield kspace
    readout, wanted = kspace.shape[-2], scan.header.crop[0]
    if wanted < readout:
        first = (readout - wanted) // 2
        yield to_kspace(to_images(kspace)[..., first : first + wanted, :])


def to_kspace(images: Complex) -> Complex:
    """Transform images to k-space, centred and orthonormal, in the precision of complex64.

    Shapes are those of the argument, whose last two axes are transformed.
    """
    shifted = np.fft.ifftshift(images, axes=READOUT_PHASE)
    return np.fft.fftshift(np.fft.fft2(shifted, norm="ortho"), axes=READOUT_PHASE).astype(np.complex64)


def to_images(kspace: Complex) -> Complex:
    """Transform k-space to images; the inverse of `to_kspace`."""
    shifted = np.fft.ifftshift(kspace, axes=READOUT_PHASE)
    return np.fft.fftshift(np.fft.ifft2(shifted, norm="ortho"), axes=READOUT_PHASE).astype(np.complex64)
