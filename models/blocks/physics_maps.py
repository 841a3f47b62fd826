"""Sensitivity maps that need no training: ESPIRiT on the calibration samples of every slice of a batch."""

import torch
from torch import Tensor

from recon.calibration.espirit import espirit, low_resolution_maps
from recon.models.blocks.calibration_samples import calibration_samples


@torch.no_grad()
def physics_maps(
    masked_kspace: Tensor,
    mask: Tensor,
    num_low_frequencies: int | Tensor | None = None,
    calibration: Tensor | None = None,
) -> Tensor:
    """Estimate sensitivity maps.

    ESPIRiT costs a tenth of a second for a slice of 256 x 256, low-resolution images over their root sum of squares a
    tenth of that. But its maps leave less of the coil images unexplained, of two brains 7 % less at 4x and 30 % less
    at 8x, of 8-channel phantoms half; and what given maps do not explain the network cannot restore.

    Parameters
    ----------
    masked_kspace
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    num_low_frequencies
        Number of auto-calibration lines, one for all or one for each of the batch; found in the mask where None
        or zero.
    calibration
        complex `(batch, coils, readout, phase)`: a separate reference scan, zero where not measured; None to take
        the centre of `masked_kspace`.

    Returns
    -------
    Tensor
        complex `(batch, coils, readout, phase)`, of unit root sum of squares, zero where no coil has signal. With
        their phase the image is nearly real.
    """
    samples = calibration_samples(masked_kspace, mask, num_low_frequencies, calibration)
    matrix = (masked_kspace.shape[-2], masked_kspace.shape[-1])
    return torch.stack([_maps(lines.to(torch.complex64), matrix) for lines in samples]).to(masked_kspace.dtype)


def _maps(lines: Tensor, matrix: tuple[int, int]) -> Tensor:
    """Estimate the maps of one slice."""
    return low_resolution_maps(lines, matrix) if len(lines) == 1 else espirit(lines, matrix).maps[0]
