"""Auto-calibration: the fully sampled low frequencies from which coil maps and kernels are learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError

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
    separate
        Whether they come from a scan whose phase is not that of the image.
    """

    lines: Tensor
    dc: int
    separate: bool = False


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
    return slices_calibration_lines([acquisition])[0]


def slices_calibration_lines(acquisitions: Sequence[Acquisition]) -> list[Acs]:
    """Return what `calibration_lines` returns for slices whose k-space and masks have the same size.

    Raises
    ------
    InputError
        If fewer than four lines about DC were measured in one of them.
    """
    found = {
        n: Acs(one.calibration, one.calibration.shape[-1] // 2, separate=not one.calibration_in_phase)
        for n, one in enumerate(acquisitions)
        if one.calibration is not None
    }
    others = [n for n in range(len(acquisitions)) if n not in found]
    if others:
        masks = torch.stack([acquisitions[n].mask for n in others])
        masks = masks.reshape(len(masks), -1, masks.shape[-1])
        found |= zip(others, _cut([acquisitions[n].kspace for n in others], masks), strict=True)
    for n in others:
        if _too_few(found[n]):
            raise InputError(
                f"{acquisitions[n].name}: only {min(found[n].lines.shape[1:])} neighbouring lines at the centre of "
                f"k-space were measured, calibration needs {FEWEST_LINES} or more"
            )
    return [found[n] for n in range(len(acquisitions))]


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
    found = _cut(scanned, masks.expand(len(scanned), -1, -1))
    enough = [_middle(kspace) if _too_few(acs) else acs for kspace, acs in zip(scanned, found, strict=True)]
    separate = calibration is not None
    return [replace(acs, lines=acs.lines.nan_to_num(0, 0, 0), separate=separate) for acs in enough]


def acs_window(mask: Tensor, num_low_frequencies: int | Tensor | None = None) -> Tensor:
    """Mark the auto-calibration samples: the fully sampled rectangle about DC.

    Among the rectangles that fit, it has the longest shorter side; of several, it is the largest. A mask along
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
    return _cut(kspace[None], mask[None])[0]


def _cut(kspace: Sequence[Tensor] | Tensor, masks: Tensor) -> list[Acs]:
    """Do what `fully_sampled` does for a batch; the host waits for the sizes of all slices together."""
    window = acs_window(masks[:, None])[:, 0].any(dim=-1)
    first, stop = _run_about_center(window)
    center = window.shape[-1] // 2
    reach = torch.minimum(center - first, stop - center)  # DC at half the number of rows
    rows = center - reach, torch.minimum(stop, center + reach + 1)
    index = torch.arange(window.shape[-1], device=masks.device)
    inside = (index >= rows[0][:, None]) & (index < rows[1][:, None])
    whole = (masks | ~inside[..., None]).all(dim=1)
    ranges = torch.stack([*rows, *_run_about_center(whole)], dim=-1).tolist()
    dc = masks.shape[-1] // 2
    along_phase = masks.shape[1] == 1
    return [
        Acs(one[:, slice(None) if along_phase else slice(top, bottom), left:right], dc - left)
        for one, (top, bottom, left, right) in zip(kspace, ranges, strict=True)
    ]


def _run_about_center(marked: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the run of marked samples about the center of `(batch, size)` begins and where it stops.

    It is empty, and lies at the center, if the center is not marked.
    """
    size = marked.shape[-1]
    center, index = size // 2, torch.arange(size, device=marked.device)
    stop = torch.where(marked | (index < center), size, index).amin(-1)
    first = torch.where(marked | (index >= center), 0, index + 1).amax(-1)
    return torch.where(stop > center, first, center), stop


def _middle(kspace: Tensor) -> Acs:
    size = [min(length, MIDDLE) for length in kspace.shape[-2:]]
    return Acs(center_crop(kspace, size), size[1] // 2)


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


def stack_lines(lines: Sequence[Tensor]) -> Tensor:
    """Stack `(coils, rows, lines)` of different sizes to `(batch, coils, rows, lines)`, filled up with zeros.

    Zeros change neither the products of coils nor those of patches.
    """
    if len({one.shape for one in lines}) == 1:
        return torch.stack(list(lines))
    size = [max(one.shape[axis] for one in lines) for axis in range(3)]
    stacked = lines[0].new_zeros(len(lines), *size)
    for one, place in zip(lines, stacked, strict=True):
        place[: one.shape[0], : one.shape[1], : one.shape[2]] = one
    return stacked
