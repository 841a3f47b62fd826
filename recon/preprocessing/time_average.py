"""Calibrates frames of a series from the mean over time, where single frames hold too few calibration lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.acs import FEWEST_LINES
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.measured import center_lines

ENOUGH_LINES = 24
"""Number of calibration lines from which on a frame calibrates itself; as many are cut from the mean over time."""


def with_time_average(series: Sequence[Acquisition]) -> list[Acquisition]:
    """Give the frames of a series the central lines of the mean over time as their reference scan.

    That is the calibration of TSENSE (Kellman et al. 2001) and TGRAPPA (Breuer et al. 2005): sensitivities do not
    move. Each sample is the mean over the frames that measured it.

    Parameters
    ----------
    series
        Frames at one place, k-space `(coils, readout, phase)` and masks of lines, `(phase,)`.

    Returns
    -------
    list of Acquisition
        The unchanged frames if they hold 24 central lines each, have a reference scan, are sampled in two
        dimensions, or if the mean over time adds no lines or holds too few.
    """
    if len(series) == 1 or any(frame.calibration is not None or frame.mask.ndim > 1 for frame in series):
        return list(series)
    masks = torch.stack([frame.mask for frame in series])
    own = min(_count(center_lines(mask)) for mask in masks)
    together = center_lines(masks.any(0))
    if own >= ENOUGH_LINES or _count(together) <= own:
        return list(series)
    dc = masks.shape[1] // 2
    reach = min(dc - together.start, together.stop - dc, ENOUGH_LINES // 2)
    if 2 * reach < FEWEST_LINES:
        return list(series)
    lines = slice(dc - reach, dc + reach)
    calibration = mean_over_time([frame.kspace[..., lines] for frame in series], masks[:, lines])
    return [replace(frame, calibration=calibration, calibration_in_phase=True) for frame in series]


def mean_over_time(kspace: Sequence[Tensor], masks: Tensor) -> Tensor:
    """Return the mean of each sample over the frames that measured it.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)` of each frame, zero where not measured.
    masks
        bool `(frames, phase)` or `(frames, readout, phase)`.

    Returns
    -------
    Tensor
        complex `(coils, readout, phase)`, zero where no frame measured.
    """
    total = torch.zeros_like(kspace[0])
    for frame in kspace:
        total += frame
    return total / masks.sum(0).clamp(min=1)


def time_average(series: Sequence[Acquisition]) -> Acquisition:
    """Return the mean over time of a series as one acquisition, whose mask holds what any frame measured.

    Parameters
    ----------
    series
        Frames at one place, k-space `(coils, readout, phase)` and masks of one shape.
    """
    masks = torch.stack([frame.mask for frame in series])
    mean = mean_over_time([frame.kspace for frame in series], masks)
    return replace(series[0], kspace=mean, mask=masks.any(0), target=None)


def check_series(series: Sequence[Acquisition]) -> None:
    """Refuse frames that cannot be reconstructed together.

    Raises
    ------
    InputError
        If their k-space or masks differ in shape.
    """
    first = series[0]
    for frame in series:
        if frame.kspace.shape != first.kspace.shape or frame.mask.shape != first.mask.shape:
            raise InputError(
                f"{first.name}: the frames of a series differ in size: {tuple(first.kspace.shape)} and "
                f"{tuple(frame.kspace.shape)} samples"
            )


def _count(lines: slice) -> int:
    return int(lines.stop - lines.start)
