"""From a batch of slices to the problem of each: masks, calibration lines, soft maps on few virtual coils."""

from __future__ import annotations

import torch
from torch import Tensor

from data.acquisition import Acquisition, Header
from models.sensitivity import acs_window
from recon.calibration import FEWEST_LINES
from recon.crop import center_crop
from recon.problem import Problem

EMERGENCY_LINES = 24
"""Lines about DC from which maps are estimated, gaps or not, where fewer than four neighbours were measured."""


def pose(
    masked_kspace: Tensor, mask: Tensor, num_low_frequencies: int | Tensor | None, calibration: Tensor | None
) -> list[Problem]:
    """Set up the problem of each slice of a batch; shapes as for the `VarNet`."""
    batch, _, readout, phase = masked_kspace.shape
    if calibration is None:
        windows = acs_window(mask.expand(batch, 1, -1, phase), num_low_frequencies)
        windows = windows.expand(batch, 1, readout, phase)[:, 0]
        lines = [_calibration_lines(*one) for one in zip(masked_kspace, windows, strict=True)]
    else:
        lines = [_nonzero(scan) for scan in calibration]
    header = Header(crop=(readout, phase), padding=(0, phase))
    return [
        Problem.of(Acquisition(kspace, sampled, header, calibration=scanned))
        for kspace, sampled, scanned in zip(masked_kspace, masks_of(mask, batch), lines, strict=True)
    ]


def masks_of(mask: Tensor, batch: int) -> list[Tensor]:
    """Give the mask of each slice, `(phase,)` where it is the same for all points of the readout.

    Parameters
    ----------
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    batch
        Number of slices.
    """
    every = mask.expand(batch, 1, -1, mask.shape[-1])[:, 0]
    return [one[0] if torch.equal(one, one[:1].expand_as(one)) else one for one in every]


def _calibration_lines(kspace: Tensor, window: Tensor) -> Tensor:
    """Cut out the fully sampled rectangle; where it is too narrow, what there is about DC, with its gaps."""
    rows, columns = window.any(dim=-1), window.any(dim=-2)
    if min(int(rows.sum()), int(columns.sum())) < FEWEST_LINES:
        lines = center_crop(kspace, [min(size, EMERGENCY_LINES) for size in kspace.shape[1:]])
    else:
        lines = kspace[:, rows][:, :, columns]
    # A damaged slice gives no maps, and no exception amidst a training either.
    return lines.nan_to_num(0, 0, 0)


def _nonzero(scan: Tensor) -> Tensor:
    """Cut the rectangle that is not empty out of `(coils, readout, phase)`."""
    measured = (scan != 0).any(dim=0)
    rows, columns = measured.any(dim=1), measured.any(dim=0)
    return scan[:, rows][:, :, columns]
