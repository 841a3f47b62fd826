"""Coil compression: replaces many coils by a few virtual ones."""

from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.crop import center_crop
from recon.data.acquisition import Acquisition

CALIBRATION_LINES = 24
"""Number of lines from which virtual coils are found, even where more were measured, as in undersampled scans."""

FEWEST, MOST = 8, 16
"""Smallest and largest number of virtual coils that are chosen from the data."""

LEFT_OUT = 3e-4
"""Share of the energy of the calibration lines that virtual coils may leave out."""

STANDS_OUT = 2.0
"""Energy of a virtual coil over that of the weakest from which it is more than noise."""

SILENT = 1e-6
"""Share of the largest energy below which a channel is silent or twice another one, and does not show the noise."""


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
    return _principal_coils(lines)[1][..., :virtual_coils]


def adaptive_compression_matrix(lines: Tensor) -> Tensor:
    """Find as many virtual coils as the data need, from 8 to 16: more cost time and hold only noise.

    Behind the eighth, virtual coils are kept until those left out hold less than 3e-4 of the energy of the lines. One
    whose energy is less than twice that of the weakest is left out in any case: it does not stand out from the noise.

    Parameters
    ----------
    lines
        complex `(batch, coils, readout, lines)`: calibration lines of slices.

    Returns
    -------
    Tensor
        `V`, complex `(batch, coils, virtual)` as `compression_matrix` returns it; all coils where there are at most
        8. Virtual coils that one slice needs and another one does not are zero in the latter.
    """
    energies, vectors = _principal_coils(lines)
    if len(vectors[0]) <= FEWEST:
        return vectors
    left_out = energies.flip(-1).cumsum(-1).flip(-1)  # if a virtual coil is the first one left out
    share = left_out / left_out[:, :1].clamp(min=torch.finfo(energies.dtype).tiny)
    heard = torch.where(energies > SILENT * energies[:, :1], energies, torch.inf)
    needed = (share > LEFT_OUT) & (energies > STANDS_OUT * heard.amin(-1, keepdim=True))
    needed[:, :FEWEST], needed[:, MOST:] = True, False
    return (vectors * needed.unsqueeze(1))[..., : int(needed.any(0).sum())]


def _principal_coils(lines: Tensor) -> tuple[Tensor, Tensor]:
    """Return all virtual coils `(..., coils, virtual)`, the strongest first, behind their energies `(..., coils)`."""
    samples = lines.flatten(-2)
    energies, vectors = torch.linalg.eigh(samples @ samples.mH)
    return energies.flip(-1), vectors.flip(-1)


def compress(kspace: Tensor, matrix: Tensor) -> Tensor:
    """Combine coils `(..., coils, readout, phase)` to virtual ones `(..., virtual, readout, phase)`: `V^H y`."""
    return torch.einsum("...cv,...crp->...vrp", matrix.conj(), kspace)


def expand(kspace: Tensor, matrix: Tensor) -> Tensor:
    """Go back from virtual coils `(..., virtual, readout, phase)` to `(..., coils, readout, phase)`: `V y`."""
    return torch.einsum("...cv,...vrp->...crp", matrix, kspace)
