"""Moves the echo to the middle of k-space, so that a linear phase of the image does not matter."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.calibration.acs import FEWEST_LINES, acs_window
from recon.coils import rss
from recon.data.acquisition import Acquisition, Header

SMOOTHING = 5
"""Width of the square over which magnitudes are averaged before the strongest is sought, lest it be a spike."""

REACH = 8
"""Number of samples on either side of the strongest one that have a say in where the echo lies."""

Offset = tuple[int, int]

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
    offset, header = echo_offset(acquisition.kspace, acquisition.mask), acquisition.header
    try:
        header = _shifted_padding(header, offset[1], acquisition.matrix[1])
    except ValueError:
        offset = offset[0], 0
    if offset != CENTRED:
        kspace, mask = _rolled(acquisition.kspace, offset), _rolled(acquisition.mask, offset)
        acquisition = replace(acquisition, kspace=kspace, mask=mask, header=header)
    if acquisition.calibration is None:
        return acquisition
    return replace(acquisition, calibration=_centred_reference(acquisition.calibration))


def echo_offset(kspace: Tensor, mask: Tensor) -> Offset:
    """Find how many samples the echo lies beyond index `N // 2`, along readout and phase.

    It is the centre of energy of the fully sampled region about the strongest sample. The region is symmetric, so
    neither white noise nor missing samples pull. Along an axis on which it has fewer than four samples, or less than
    half of what the region about index `N // 2` has, the offset is zero: calibration would lose more than it gains.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`, zero where not measured.
    mask
        bool `(phase,)` or `(readout, phase)`.
    """
    magnitude = rss(kspace).nan_to_num(0, 0, 0)
    largest = magnitude.amax()
    if not largest > 0:
        return CENTRED
    matrix = magnitude.shape[0], magnitude.shape[1]
    strongest = int((_smoothed(magnitude / largest) * mask).argmax())
    to_strongest = strongest // matrix[1] - matrix[0] // 2, strongest % matrix[1] - matrix[1] // 2
    region = _fully_sampled(_rolled(mask, to_strongest), matrix)
    current = _fully_sampled(mask, matrix)
    energy = _rolled(magnitude / largest, to_strongest).square() * region
    rows, lines = (
        0 if _too_narrow(region.any(1 - axis), current.any(1 - axis)) else shift + _centre(energy.sum(1 - axis))
        for axis, shift in enumerate(to_strongest)
    )
    return rows, lines


def _smoothed(magnitude: Tensor) -> Tensor:
    """Average `(readout, phase)` over a square about each sample."""
    return avg_pool2d(magnitude[None, None], SMOOTHING, stride=1, padding=SMOOTHING // 2)[0, 0]


def _rolled(values: Tensor, offset: Offset) -> Tensor:
    """Move what lies `offset` beyond the middle of the last axes to the middle."""
    axes = range(-min(values.ndim, 2), 0)
    return values.roll([-offset[axis] for axis in axes], list(axes))


def _fully_sampled(mask: Tensor, matrix: tuple[int, int]) -> Tensor:
    """Return the fully sampled region about index `N // 2`, bool `(readout, phase)`."""
    return acs_window(mask.reshape(1, 1, -1, matrix[1]))[0, 0].expand(matrix)


def _too_narrow(region: Tensor, current: Tensor) -> bool:
    return bool(region.sum() < max(FEWEST_LINES, int(current.sum()) / 2))


def _centre(energy: Tensor) -> int:
    """Return how far the centre of energy `(samples,)` near the middle lies beyond it, in whole samples."""
    middle = len(energy) // 2
    reach = min(REACH, middle, len(energy) - 1 - middle)
    near = energy[middle - reach : middle + reach + 1]
    return round(float((near * torch.arange(-reach, reach + 1, device=near.device)).sum() / near.sum()))


def _shifted_padding(header: Header, offset: int, phase: int) -> Header:
    """Return the header of a scan whose lines move; raises ValueError if those acquired would not stay one run."""
    if header.padding == (0, phase):
        return header
    first, last = (line - offset for line in header.padding)
    if first < 0 or last > phase:
        raise ValueError
    return replace(header, padding=(first, last))


def _centred_reference(calibration: Tensor) -> Tensor:
    """Move the echo of a reference scan `(coils, rows, lines)` to its middle; lines on one side alone are dropped."""
    lines = calibration.shape[-1]
    rows, beyond = echo_offset(calibration, calibration.new_ones(lines, dtype=torch.bool))
    middle = lines // 2 + beyond
    kept = next(n for n in range(lines, 0, -1) if middle >= n // 2 and lines - middle >= n - n // 2)
    return _rolled(calibration, (rows, 0))[..., middle - kept // 2 :][..., :kept]
