"""Geometric-decomposition coil compression: other virtual coils at every place of the readout."""

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
    """Combine coils at every place of the fully sampled readout (Zhang et al. 2013).

    Parameters
    ----------
    acquisition
        One slice, mask `(phase,)`.
    virtual_coils
        How many coils to keep at most.

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
    matrices = aligned_matrices(ifft(calibration_lines(acquisition), READOUT), virtual_coils)
    calibration = acquisition.calibration
    return replace(
        acquisition,
        kspace=_compress(acquisition.kspace, matrices),
        calibration=None if calibration is None else _compress(calibration, matrices),
        noise=None,
    )


def aligned_matrices(hybrid: Tensor, virtual_coils: int) -> Tensor:
    """Find virtual coils at every place, turned so that they change as little as can be from one to the next.

    Parameters
    ----------
    hybrid
        complex `(coils, readout, lines)`: calibration lines, the readout as image.
    virtual_coils
        How many to keep.

    Returns
    -------
    Tensor
        `V_x`, complex `(readout, coils, virtual)` with orthonormal columns.
    """
    samples = hybrid.movedim(1, 0)
    _, vectors = torch.linalg.eigh(samples @ samples.mH)
    matrices = vectors.flip(-1)[..., :virtual_coils].clone()
    middle = len(matrices) // 2
    for place in range(middle + 1, len(matrices)):
        matrices[place] = _turned(matrices[place], matrices[place - 1])
    for place in range(middle - 1, -1, -1):
        matrices[place] = _turned(matrices[place], matrices[place + 1])
    return matrices


def _turned(matrix: Tensor, neighbour: Tensor) -> Tensor:
    """`V P` with the unitary `P` that minimises `||V P - V'||`, the alignment of Zhang et al. 2013."""
    left, _, right = torch.linalg.svd(matrix.mH @ neighbour)
    return matrix @ left @ right


def _compress(kspace: Tensor, matrices: Tensor) -> Tensor:
    return fft(torch.einsum("xcv,cxp->vxp", matrices.conj(), ifft(kspace, READOUT)), READOUT)
