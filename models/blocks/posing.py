"""From a batch of slices to the problem of each: masks, calibration lines, soft maps on few virtual coils."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.calibration.acs import FEWEST_LINES
from recon.crop import center_crop
from recon.data.acquisition import Acquisition, Header
from recon.models.blocks.calibration_samples import calibration_samples
from recon.solvers.problem import Problem

EMERGENCY_LINES = 24
"""Lines about DC from which maps are estimated, gaps or not, where fewer than four neighbours were measured."""


def pose(
    masked_kspace: Tensor, mask: Tensor, num_low_frequencies: int | Tensor | None, calibration: Tensor | None
) -> list[Problem]:
    """Set up the problem of each slice of a batch; shapes as for the `VarNet`."""
    batch, _, readout, phase = masked_kspace.shape
    scanned = masked_kspace if calibration is None else calibration
    samples = calibration_samples(masked_kspace, mask, num_low_frequencies, calibration)
    lines = [_enough(*one) for one in zip(samples, scanned, strict=True)]
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


def _enough(lines: Tensor, kspace: Tensor) -> Tensor:
    """Give calibration lines or, where they are too few, what there is about DC, with its gaps."""
    if min(lines.shape[1:]) >= FEWEST_LINES:
        return lines
    return center_crop(kspace, [min(size, EMERGENCY_LINES) for size in kspace.shape[1:]]).nan_to_num(0, 0, 0)
