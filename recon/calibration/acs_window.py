"""The auto-calibration samples of any mask: the fully sampled rectangle about DC."""

from __future__ import annotations

import torch
from torch import Tensor


def acs_window(mask: Tensor, num_low_frequencies: int | Tensor | None = None) -> Tensor:
    """Mark the auto-calibration samples: the fully sampled rectangle about DC.

    Of the rectangles that fit, the one whose shorter side is longest, and of those the largest: a mask along
    phase gives the same window whether or not it is spelled out along readout, and a single spoke through the
    centre does not pass for calibration data. If not even DC was measured, the window holds DC alone.

    Parameters
    ----------
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.
    num_low_frequencies
        Use this many lines instead, one number for all or one for each of the batch; None or zero to look
        at the mask.

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
        Of any type.
    window
        bool `(readout, phase)`: marks the rectangle.

    Returns
    -------
    Tensor
        `(coils, rows, lines)`, DC at half of either axis rounded down: what lies on one side alone is left away.
    """
    rows, lines = (_about_dc(window.any(dim=axis)) for axis in (-1, -2))
    return kspace[:, rows, lines]


def _about_dc(marked: Tensor) -> slice:
    """Cut a run of samples that holds DC such that DC is at half its length."""
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
    """Length of the run of samples about DC along the last axis, as far as it is symmetric."""
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
