"""Writes small raw-data files in fastMRI's layout."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from helpers.scans.objects import object_acquisition
from recon.coils import rss
from recon.data.acquisition import Header
from recon.data.formats.fastmri.layout import write_volume
from recon.fourier import ifft


def write_raw_file(
    path: Path,
    slices: int = 2,
    coils: int = 4,
    matrix: tuple[int, int] = (48, 40),
    mask: np.ndarray[Any, Any] | None = None,
    target: bool = True,
    header: Header | None = None,
) -> Path:
    """Write slices of discs, each slice brighter than the one before."""
    slice_ = object_acquisition(coils, *matrix, noise=1e-3)
    kspace = torch.stack([slice_.kspace * (1 + index) for index in range(slices)])
    images = rss(ifft(kspace)).numpy()
    if mask is not None:
        kspace = torch.where(torch.from_numpy(mask), kspace, 0)
    write_volume(path, kspace.numpy(), header or slice_.header, images if target else None, mask)
    return path


def edit(path: Path, **datasets: Any) -> Path:
    """Replace data sets of a file; None removes a data set."""
    with h5py.File(path, "r+") as file:
        for name, value in datasets.items():
            if name in file:
                del file[name]
            if value is not None:
                file[name] = value
    return path
