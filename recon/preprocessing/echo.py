"""Moves the echo to the middle of k-space, so that a linear phase of the image does not matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.calibration.acs import FEWEST_LINES, acs_window
from recon.coils import rss
from recon.data.acquisition import Acquisition

SMOOTHING = 5
"""Width of the square over which magnitudes are averaged before the strongest is sought, lest it be a spike."""

DISTINCT = 2.0
"""Ratio of the largest of these averages to that of all measured samples from which on there is an echo."""

REACH = 8
"""Number of samples on either side of the strongest one that have a say in where the echo lies."""

NEGLIGIBLE = 1
"""Largest offset that is left alone: coil phases and noise shift an echo as much, and one sample helps no method."""

Offset = tuple[int, int]
Padding = tuple[int, int]

CENTRED = (0, 0)


def centre_echo(acquisition: Acquisition) -> Acquisition:
    """Shift k-space and its mask by whole samples, with wrap-around, so that the echo lies at index `N // 2`.

    That multiplies the image by a linear phase and keeps its magnitude. Coil maps, sparsity priors and networks
    assume a phase that hardly varies from pixel to pixel; an echo a few samples off costs them decibels. A separate
    reference scan has an echo of its own.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Acquisition
        The slice itself if its echo is centred or cannot be found, see `echo_offset`.
    """
    return _moved(acquisition, echo_offset(acquisition.kspace, acquisition.mask))


def centre_echoes(series: Sequence[Acquisition]) -> list[Acquisition]:
    """Do what `centre_echo` does for the frames of a series, all by the offset that is found in most of them.

    Frames moved differently would differ by a linear phase, which priors along time take for motion.
    """
    offsets = Counter(echo_offset(frame.kspace, frame.mask) for frame in series)
    offset = offsets.most_common(1)[0][0]
    return [_moved(frame, offset) for frame in series]


def _moved(acquisition: Acquisition, offset: Offset) -> Acquisition:
    """Move what lies `offset` beyond the middle of k-space to the middle; the reference scan has its own echo."""
    header = acquisition.header
    padding = _shifted_padding(header.padding, offset[1], acquisition.matrix[1])
    if padding is None:
        padding, offset = header.padding, (offset[0], 0)
    if offset != CENTRED:
        kspace, mask = _rolled(acquisition.kspace, offset), _rolled(acquisition.mask, offset)
        header = replace(header, padding=padding)
        acquisition = replace(acquisition, kspace=kspace, mask=mask, header=header)
    if acquisition.calibration is None:
        return acquisition
    return replace(acquisition, calibration=_centred_reference(acquisition.calibration))


def echo_offset(kspace: Tensor, mask: Tensor) -> Offset:
    """Find how many samples the echo lies beyond index `N // 2`, along readout and phase.

    It is the centre of energy of the fully sampled region about the strongest sample. The region is symmetric, so
    neither white noise nor missing samples pull. The region about the echo needs at least four samples along an axis,
    and at least half of those about index `N // 2`: otherwise calibration would lose more than it gains, and along
    this axis the offset is that of the strongest sample or, failing that, zero. One sample counts as none, and noise
    alone has no echo.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`, zero where not measured.
    mask
        bool `(phase,)` or `(readout, phase)`.
    """
    magnitude = rss(kspace).nan_to_num(0, 0, 0)
    if not magnitude.any():
        return CENTRED
    magnitude /= magnitude.amax()
    readout, phase = magnitude.shape
    smoothed = _smoothed(magnitude) * mask
    if smoothed.amax() < DISTINCT * magnitude.sum() / magnitude.count_nonzero():
        return CENTRED
    place = int(smoothed.argmax())
    strongest = place // phase - readout // 2, place % phase - phase // 2
    mask = mask.reshape(-1, phase)
    energy = _rolled(magnitude, strongest).square() * _fully_sampled(mask, strongest)
    echo = strongest[0] + _centre(energy.sum(1)), strongest[1] + _centre(energy.sum(0))
    needed = [max(FEWEST_LINES, size / 2) for size in _size(mask, CENTRED, readout)]
    rows, lines = 0, 0
    for offset in (strongest, echo):
        found = _size(mask, offset, readout)
        rows = offset[0] if found[0] >= needed[0] else rows
        lines = offset[1] if found[1] >= needed[1] else lines
    return rows if abs(rows) > NEGLIGIBLE else 0, lines if abs(lines) > NEGLIGIBLE else 0


def _smoothed(magnitude: Tensor) -> Tensor:
    """Average `(readout, phase)` over a square about each sample."""
    return avg_pool2d(magnitude[None, None], SMOOTHING, stride=1, padding=SMOOTHING // 2)[0, 0]


def _rolled(values: Tensor, offset: Offset) -> Tensor:
    """Move what lies `offset` beyond the middle of the last axes to the middle."""
    axes = range(-min(values.ndim, 2), 0)
    return values.roll([-offset[axis] for axis in axes], list(axes))


def _fully_sampled(mask: Tensor, offset: Offset) -> Tensor:
    """Mark the symmetric fully sampled region about an offset, which it moves to the middle.

    Parameters
    ----------
    mask
        bool `(1 or readout, phase)`.
    offset
        The middle of the region.
    """
    return acs_window(_rolled(mask, offset)[None, None])[0, 0]


def _size(mask: Tensor, offset: Offset, readout: int) -> tuple[int, int]:
    """Count the rows and lines of the region of `_fully_sampled`; with a mask of lines alone it has every row."""
    region = _fully_sampled(mask, offset)
    return int(region.any(1).sum()) if len(mask) > 1 else readout, int(region.any(0).sum())


def _centre(energy: Tensor) -> int:
    """Return how far the centre of energy `(samples,)` near the middle lies beyond it, in whole samples."""
    middle = len(energy) // 2
    reach = min(REACH, middle, len(energy) - 1 - middle)
    near = energy[middle - reach : middle + reach + 1]
    return round(float((near * torch.arange(-reach, reach + 1, device=near.device)).sum() / near.sum()))


def _shifted_padding(padding: Padding, offset: int, phase: int) -> Padding | None:
    """Return the acquired columns `[first, last)` once lines have moved; None if they would not stay one run."""
    if padding == (0, phase):
        return padding
    first, last = (line - offset for line in padding)
    return None if first < 0 or last > phase else (first, last)


def _centred_reference(calibration: Tensor) -> Tensor:
    """Move the echo of a reference scan `(coils, rows, lines)` to its middle; lines on one side alone are dropped."""
    lines = calibration.shape[-1]
    rows, beyond = echo_offset(calibration, calibration.new_ones(lines, dtype=torch.bool))
    middle = lines // 2 + beyond
    kept = min(lines, 2 * middle + 1, 2 * (lines - middle))  # index `kept // 2` is then the middle
    return _rolled(calibration, (rows, 0))[..., middle - kept // 2 :][..., :kept]
