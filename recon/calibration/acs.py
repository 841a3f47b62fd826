"""Auto-calibration: the fully sampled low frequencies from which coil maps and kernels are learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks import center_lines

FEWEST_LINES = 4
"""Smallest number of lines from which coil sensitivities and kernels can be estimated."""

MIDDLE = 24
"""Lines about DC used instead where too few were measured without gaps."""


@dataclass(frozen=True, eq=False)
class Acs:
    """Auto-calibration samples without gaps.

    Attributes
    ----------
    lines
        complex `(coils, rows, lines)`, the row at DC at half the number of rows.
    dc
        Index of the line at DC, which is off the middle where lines beside the centre were measured as well.
    """

    lines: Tensor
    dc: int


def calibration_lines(acquisition: Acquisition) -> Acs:
    """Return the fully sampled lines about DC, or the separate reference scan where there is one.

    Where a two-dimensional mask has no whole lines, they are those of the fully sampled rectangle about DC.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Raises
    ------
    InputError
        If fewer than four lines about DC were measured.
    """
    if acquisition.calibration is not None:
        return Acs(acquisition.calibration, acquisition.calibration.shape[-1] // 2)
    acs = fully_sampled(acquisition.kspace, acquisition.mask.reshape(-1, acquisition.matrix[1]))
    if _too_few(acs):
        raise InputError(
            f"{acquisition.name}: only {min(acs.lines.shape[1:])} neighbouring lines at the centre of k-space were "
            f"measured, calibration needs {FEWEST_LINES} or more"
        )
    return acs


@torch.no_grad()
def batch_calibration_lines(masked_kspace: Tensor, mask: Tensor, calibration: Tensor | None = None) -> list[Acs]:
    """Find what `calibration_lines` returns for each slice of a batch.

    Where there are fewer than four lines about DC, the middle 24 are taken, gaps or not. A damaged slice gives zeros,
    so that it raises no exception in the middle of a training.

    Parameters
    ----------
    masked_kspace
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    calibration
        complex `(batch, coils, readout, phase)`: a separate reference scan, zero where not measured; None to take
        the centre of `masked_kspace`.
    """
    scanned, masks = masked_kspace, mask[:, 0]
    if calibration is not None:
        nonzero = (calibration != 0).any(dim=1)
        scanned, masks = calibration, nonzero.any(dim=-1, keepdim=True) & nonzero.any(dim=-2, keepdim=True)
    found = [fully_sampled(*one) for one in zip(scanned, masks.expand(len(scanned), -1, -1), strict=True)]
    enough = [_middle(kspace) if _too_few(acs) else acs for kspace, acs in zip(scanned, found, strict=True)]
    return [replace(acs, lines=acs.lines.nan_to_num(0, 0, 0)) for acs in enough]


def acs_window(mask: Tensor, num_low_frequencies: int | Tensor | None = None) -> Tensor:
    """Mark the auto-calibration samples: the fully sampled rectangle about DC.

    Of the rectangles that fit, it is the one with the longest shorter side, and of those the largest. A mask along
    phase therefore gives the same window whether or not it is repeated along readout, and a single spoke through the
    centre does not pass for calibration data. If not even DC was measured, the window holds DC alone.

    Parameters
    ----------
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    num_low_frequencies
        Number of lines to use instead, one for all or one for each slice; None or zero to look at the mask.

    Returns
    -------
    Tensor
        bool `(batch or 1, 1, 1 or readout, phase)`.
    """
    window = _largest_rectangle(mask)
    if num_low_frequencies is None:
        return window
    lines = torch.as_tensor(num_low_frequencies, device=mask.device).reshape(-1, 1, 1)
    return torch.where(lines.unsqueeze(-1) > 0, _centered(lines, mask.shape[-1]), window)


def fully_sampled(kspace: Tensor, mask: Tensor) -> Acs:
    """Cut out of `(coils, readout, phase)` all lines about DC that a mask `(1 or readout, phase)` holds whole.

    A line is whole if it fills the rows of the largest rectangle about DC.
    """
    window = acs_window(mask[None, None])[0, 0]
    marked = _about_dc(window.any(dim=-1))
    lines = center_lines(mask[marked])
    rows = marked if len(mask) > 1 else slice(None)
    return Acs(kspace[:, rows, lines], kspace.shape[-1] // 2 - lines.start)


def _middle(kspace: Tensor) -> Acs:
    size = [min(length, MIDDLE) for length in kspace.shape[-2:]]
    return Acs(center_crop(kspace, size), size[1] // 2)


def _about_dc(marked: Tensor) -> slice:
    """Return the part of a run of samples about DC that has DC at half its length."""
    center, found = len(marked) // 2, marked.nonzero().flatten().tolist()
    first, stop = found[0], found[-1] + 1
    reach = min(center - first, stop - center)
    return slice(center - reach, min(stop, center + reach + 1))


def _largest_rectangle(mask: Tensor) -> Tensor:
    readout, phase = mask.shape[-2:]
    heights = torch.arange(1, readout + 1, device=mask.device)
    inside = _centered(heights, readout)
    widths = torch.where(inside, _centered_run(mask).unsqueeze(-2), phase).amin(-1)
    score = torch.minimum(heights, widths) * (readout * phase) + heights * widths
    best = score.argmax(-1, keepdim=True)
    rows = _centered(heights[best.squeeze(-1)], readout)
    columns = _centered(widths.gather(-1, best).squeeze(-1).clamp(min=1), phase)
    return rows.unsqueeze(-1) & columns.unsqueeze(-2)


def _centered_run(sampled: Tensor) -> Tensor:
    """Return the length of the symmetric run of samples about DC along the last axis."""
    size = sampled.shape[-1]
    index = torch.arange(size, device=sampled.device) - size // 2
    neighbours = torch.where(index < 0, -1 - index, index)
    shorter_side = torch.where(sampled, size, neighbours).amin(-1)
    return torch.maximum(2 * shorter_side, sampled[..., size // 2]).clamp(max=size)


def _centered(lengths: Tensor, size: int) -> Tensor:
    """Mark `lengths` (...) samples about DC of an axis: bool `(..., size)`, placed as fastMRI places them."""
    first = (size - lengths + 1).div(2, rounding_mode="floor").unsqueeze(-1)
    index = torch.arange(size, device=lengths.device)
    return (index >= first) & (index < first + lengths.unsqueeze(-1))


def _too_few(acs: Acs) -> bool:
    return min(acs.lines.shape[1:]) < FEWEST_LINES
