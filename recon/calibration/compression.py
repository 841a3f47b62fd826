"""Coil compression: replaces many coils by a few virtual ones."""

from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.crop import center_crop
from recon.data.acquisition import Acquisition

CALIBRATION_LINES = 24
"""Number of lines from which virtual coils are found, even where more were measured, as in undersampled scans."""


def compress_coils(acquisition: Acquisition, virtual_coils: int) -> Acquisition:
    """Compress a slice, its reference scan and its noise to the virtual coils that hold most of the energy.

    Parameters
    ----------
    acquisition
        K-space `(coils, readout, phase)`. Where the mask varies along readout, the middle of k-space is used, gaps
        or not.
    virtual_coils
        Largest number of coils to keep.

    Raises
    ------
    InputError
        If there are fewer than four calibration lines.
    """
    if acquisition.coils <= virtual_coils:
        return acquisition
    lines = calibration_lines(acquisition).lines if acquisition.mask.ndim == 1 else acquisition.kspace
    lines = center_crop(lines, (min(lines.shape[-1], CALIBRATION_LINES),))
    matrix = compression_matrix(lines, virtual_coils)
    calibration, noise = acquisition.calibration, acquisition.noise
    return replace(
        acquisition,
        kspace=compress(acquisition.kspace, matrix),
        calibration=None if calibration is None else compress(calibration, matrix),
        noise=None if noise is None else matrix.mH @ noise,
    )


def compression_matrix(lines: Tensor, virtual_coils: int) -> Tensor:
    """Find the virtual coils that keep most of the energy (Buehrer et al. 2007), by singular vectors.

    Parameters
    ----------
    lines
        complex `(..., coils, readout, lines)`: calibration lines or any other k-space.
    virtual_coils
        Largest number of coils to keep.

    Returns
    -------
    Tensor
        `V`, complex `(..., coils, virtual)` with orthonormal columns; the strongest first.
    """
    samples = lines.flatten(-2)
    _, vectors = torch.linalg.eigh(samples @ samples.mH)
    return vectors.flip(-1)[..., :virtual_coils]


def compress(kspace: Tensor, matrix: Tensor) -> Tensor:
    """Combine coils `(..., coils, readout, phase)` to virtual ones `(..., virtual, readout, phase)`: `V^H y`."""
    return torch.einsum("...cv,...crp->...vrp", matrix.conj(), kspace)


def expand(kspace: Tensor, matrix: Tensor) -> Tensor:
    """Go back from virtual coils `(..., virtual, readout, phase)` to `(..., coils, readout, phase)`: `V y`."""
    return torch.einsum("...cv,...vrp->...crp", matrix, kspace)
