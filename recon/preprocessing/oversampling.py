"""Removes readout oversampling, which doubles the field of view and the data."""

import math
from dataclasses import replace

from torch import Tensor

from recon.crop import center_crop, center_pad
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft

READOUT = (-2,)


def without_oversampling(acquisition: Acquisition) -> Acquisition:
    """Crop the readout to the part that the image shows; lines are measured in full, so nothing else changes.

    Parameters
    ----------
    acquisition
        One slice with a mask `(phase,)`.

    Raises
    ------
    InputError
        If the scan is undersampled along the readout.
    """
    rows = acquisition.crop[0]
    if rows == acquisition.matrix[0]:
        return acquisition
    if acquisition.mask.ndim == 2:
        raise InputError(f"{acquisition.name}: is undersampled along the readout; leave its oversampling as it is")
    calibration = acquisition.calibration
    return replace(
        acquisition,
        kspace=_crop_readout(acquisition.kspace, rows),
        header=acquisition.header.with_readout_cut(rows / acquisition.matrix[0]),
        calibration=None if calibration is None else _crop_reference(calibration, acquisition.matrix[0], rows),
    )


def _crop_readout(kspace: Tensor, rows: int) -> Tensor:
    images = ifft(kspace, READOUT)
    return fft(center_crop(images, (rows, kspace.shape[-1])), READOUT)


def _crop_reference(calibration: Tensor, readout: int, rows: int) -> Tensor:
    """Crop the field of view of a reference scan by `rows / readout`, at its own resolution.

    Parameters
    ----------
    calibration
        complex `(coils, samples, lines)`; a readout of another length than that of the scan has the same field of
        view at another resolution.
    readout, rows
        Rows of the scan before and after the crop.

    Returns
    -------
    Tensor
        complex `(coils, samples * rows / readout, lines)`, rounded up.
    """
    samples, lines = calibration.shape[-2:]
    finer = math.ceil(samples / readout)  # how many times more rows both grids need to hold all samples
    cropped = _crop_readout(center_pad(calibration, (finer * readout, lines)), finer * rows)
    return center_crop(cropped, (math.ceil(samples * rows / readout), lines))
