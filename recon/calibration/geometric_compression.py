"""Geometric-decomposition coil compression: its virtual coils change along the readout."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.acs import calibration_lines
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import fft, ifft

READOUT = (-2,)


def compress_geometrically(acquisition: Acquisition, virtual_coils: int) -> Acquisition:
    """Compress coils at every position of the fully sampled readout (Zhang et al. 2013).

    Parameters
    ----------
    acquisition
        One slice with a mask `(phase,)`.
    virtual_coils
        Largest number of coils to keep.

    Raises
    ------
    InputError
        If the scan is undersampled along the readout or has fewer than four lines about DC.
    """
    if acquisition.coils <= virtual_coils:
        return acquisition
    if acquisition.mask.ndim == 2:
        raise InputError(
            f"{acquisition.name}: is undersampled along the readout, which geometric coil compression needs in full"
        )
    matrices = aligned_matrices(ifft(calibration_lines(acquisition).lines, READOUT), virtual_coils)
    calibration = acquisition.calibration
    return replace(
        acquisition,
        kspace=_compress(acquisition.kspace, matrices),
        calibration=None if calibration is None else _compress(calibration, matrices),
        noise=None,
    )


def aligned_matrices(hybrid: Tensor, virtual_coils: int) -> Tensor:
    """Find virtual coils at every position, rotated so that they change as little as possible along the readout.

    Parameters
    ----------
    hybrid
        complex `(coils, readout, lines)`: calibration lines, in image space along readout.
    virtual_coils
        Number of coils to keep.

    Returns
    -------
    Tensor
        `V_x`, complex `(readout, coils, virtual)` with orthonormal columns.
    """
    samples = hybrid.movedim(1, 0)
    _, vectors = torch.linalg.eigh(samples @ samples.mH)
    matrices = vectors.flip(-1)[..., :virtual_coils].clone()
    middle = len(matrices) // 2
    for x in range(middle + 1, len(matrices)):
        matrices[x] = _aligned(matrices[x], matrices[x - 1])
    for x in range(middle - 1, -1, -1):
        matrices[x] = _aligned(matrices[x], matrices[x + 1])
    return matrices


def _aligned(matrix: Tensor, neighbour: Tensor) -> Tensor:
    """Return `V P` with the unitary `P` that minimises `||V P - V'||`, the alignment of Zhang et al. 2013."""
    left, _, right = torch.linalg.svd(matrix.mH @ neighbour)
    return matrix @ left @ right


def _compress(kspace: Tensor, matrices: Tensor) -> Tensor:
    return fft(torch.einsum("xcv,cxp->vxp", matrices.conj(), ifft(kspace, READOUT)), READOUT)
