"""Reads the samples of fastMRI's HDF5 layout as tensors; opening a file takes its header alone, and no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.formats.fastmri.parts import acquired, find_noise, find_reference, read_image_mask
from recon.data.storage.finite import check_finite
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.data.storage.shared_memory import empty

if TYPE_CHECKING:
    from recon.data.formats.fastmri.layout import FastMRIVolume

COMPLEX = torch.complex64


def read_slice(volume: FastMRIVolume, index: int) -> Acquisition:
    """Read the slice at `index`.

    Raises
    ------
    InputError
        If the file is damaged or the slice holds values that are not finite.
    """
    path, shape = volume.path, volume.shape
    with open_hdf5(path) as file:
        kspace = _read(read_dataset(file, "kspace"), index, COMPLEX)
        target = _read(read_dataset(file, volume.target_name), index, torch.float32) if volume.target_name else None
        reference, noise = find_reference(path, file, shape), find_noise(path, file, shape[1])
        own_mask = None if volume.mask is None else read_image_mask(file, index, volume.header)
        scanned = None if reference is None else _read(reference, index if reference.ndim == 4 else None, COMPLEX)
        silence = None if noise is None else _read(noise, None, COMPLEX)
    for values, what in (
        (kspace, f"k-space of slice {index}"),
        (target, f"target of slice {index}"),
        (scanned, "reference scan"),
        (silence, "noise scan"),
    ):
        if values is not None:
            check_finite(path, values.numpy(), what)
    known = own_mask if own_mask is not None else volume.mask
    mask = torch.from_numpy(acquired(shape[-1], volume.header) if known is None else known)
    kspace = kspace.reshape(shape[1:])
    return Acquisition(
        kspace=kspace if mask.all() else kspace.masked_fill_(~mask, 0),
        mask=mask,
        header=volume.header,
        target=target,
        calibration=scanned,
        noise=silence,
        name=volume.name,
        slice=index,
    )


def read_target(volume: FastMRIVolume) -> NDArray[np.float32] | None:
    """Read the reference images of all slices, float32 `(slices, rows, columns)`; None if there are none.

    Raises
    ------
    InputError
        If the file is damaged or the images are not finite.
    """
    if volume.target_name is None:
        return None
    with open_hdf5(volume.path) as file:
        target = _read(read_dataset(file, volume.target_name), None, torch.float32)
    images: NDArray[np.float32] = target.numpy()
    check_finite(volume.path, images, "target")
    return images


def _read(dataset: h5py.Dataset, index: int | None, dtype: torch.dtype) -> Tensor:
    """Read one slice or all data directly into a tensor, whose type HDF5 converts to.

    Selections of h5py's low-level interface take a tenth of the time.
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
