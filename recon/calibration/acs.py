"""Auto-calibration: the fully sampled low frequencies from which coil maps and kernels are learned."""

from __future__ import annotations

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


def calibration_lines(acquisition: Acquisition) -> Tensor:
    """Return the fully sampled lines about DC, or the separate reference scan where there is one.

    Where a two-dimensional mask has no whole lines, it is the fully sampled rectangle about DC.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, lines)`, or `(coils, rows, lines)` for a rectangle.

    Raises
    ------
    InputError
        If fewer than four lines about DC were measured.
    """
    if acquisition.calibration is not None:
        return acquisition.calibration
    lines = acquisition.kspace[..., center_lines(acquisition.mask)]
    if _too_few(lines) and acquisition.mask.ndim == 2:
        lines = cut(acquisition.kspace, acs_window(acquisition.mask[None, None])[0, 0])
    if _too_few(lines):
        raise InputError(
            f"{acquisition.name}: only {min(lines.shape[1:])} neighbouring lines at the centre of k-space were "
            f"measured, calibration needs {FEWEST_LINES} or more"
        )
    return lines


def dc_line(acquisition: Acquisition, lines: Tensor) -> int:
    """Return the index of DC among the calibration lines, which is off their middle if a line beside them counts."""
    run = center_lines(acquisition.mask)
    if acquisition.calibration is not None or lines.shape[-1] != run.stop - run.start:
        return lines.shape[-1] // 2
    return acquisition.matrix[1] // 2 - run.start


@torch.no_grad()
def batch_calibration_lines(
    masked_kspace: Tensor,
    mask: Tensor,
    num_low_frequencies: int | Tensor | None = None,
    calibration: Tensor | None = None,
    fewest: int = 1,
) -> list[Tensor]:
    """Cut the fully sampled rectangle about DC out of each slice of a batch, or out of its reference scan.

    A damaged slice gives zeros, so that it raises no exception in the middle of a training.

    Parameters
    ----------
    masked_kspace
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    num_low_frequencies
        Number of auto-calibration lines, one for all or one for each slice; found in the mask where None or zero.
    calibration
        complex `(batch, coils, readout, phase)`: a separate reference scan, zero where not measured; None to take
        the centre of `masked_kspace`.
    fewest
        Where the rectangle is narrower, the middle 24 lines are taken instead, gaps or not.

    Returns
    -------
    list of Tensor
        complex `(coils, rows, lines)` for each slice, DC at half of either axis.
    """
    if calibration is None:
        scanned, windows = masked_kspace, acs_window(mask, num_low_frequencies)
    else:
        nonzero = (calibration != 0).any(dim=1, keepdim=True)
        scanned = calibration
        windows = acs_window(nonzero.any(dim=-1, keepdim=True) & nonzero.any(dim=-2, keepdim=True))
    windows = windows.expand(len(scanned), 1, *scanned.shape[-2:])[:, 0]
    lines = [cut(*one) for one in zip(scanned, windows, strict=True)]
    middle = [min(size, MIDDLE) for size in scanned.shape[-2:]]
    enough = [one if min(one.shape[1:]) >= fewest else center_crop(scanned[n], middle) for n, one in enumerate(lines)]
    return [one.nan_to_num(0, 0, 0) for one in enough]


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


def cut(kspace: Tensor, window: Tensor) -> Tensor:
    """Cut a rectangle about DC out of k-space `(coils, readout, phase)`.

    Parameters
    ----------
    kspace
        `(coils, readout, phase)` of any type.
    window
        bool `(readout, phase)`: True inside the rectangle.

    Returns
    -------
    Tensor
        `(coils, rows, lines)` with DC at index `N // 2` of either axis; what lies on one side alone is dropped.
    """
    rows, lines = (_about_dc(window.any(dim=axis)) for axis in (-1, -2))
    return kspace[:, rows, lines]


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


def _too_few(lines: Tensor) -> bool:
    return min(lines.shape[1:]) < FEWEST_LINES
