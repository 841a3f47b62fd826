"""Finds samples of noise alone: measured lines, transformed along readout, show the air beside the object."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recon.calibration.acs import fully_sampled

LEAST_AIR = 0.05
"""Share of the positions that must hold equally little power to be taken for air."""

CONFIDENCE = 0.95
"""Share of the positions in air whose mean power lies in the interval that counts as equal."""

QUIETEST = 0.05
"""Share of the positions from which the correlation of the coils is estimated, which tells how their sum spreads."""

STEPS = 30
"""Number of times that interval and level are refined."""

SPIKE, QUIET_SHARE = 3.0, 0.1
"""Multiple of the median line's power above which a line holds a spike, by this quantile over its positions."""

WINDOWS = ((0.5, -0.5), (0.42, -0.5, 0.08), (0.35875, -0.48829, 0.14128, -0.01168))
"""Terms of the cosine windows for the rectangle of a two-dimensional mask: Hann, Blackman, Blackman-Harris."""

SMALLEST_RECTANGLE = 8
"""Shortest side of the rectangle about DC in which air can be told from object."""

OUTER_LINES = 0.6
"""Distance from DC, as a share of the largest, of the lines of the rectangle that count; signal is weaker there."""

FOLDS, QUIET_CELLS = 4, 3
"""Number of parts into which these lines are divided, and number of positions that count in each part."""

OUTERMOST = 0.1
"""Share of the samples farthest from DC that are taken for noise where the rectangle is too small."""


def air_samples(kspace: Tensor, mask: Tensor) -> Tensor:
    """Return samples that hold noise alone, with the variance and the covariance of the noise in k-space.

    Lines are measured in full along readout. Weighted by a Blackman window, which keeps the signal from ringing, and
    transformed along readout, they hold no signal where there is no object. These positions are those whose mean
    power is the same, up to the spread of a gamma distribution, and the lowest that several positions share: the
    fixed point of Koay et al. (2009, PIESNO), first in each coil and then in the sum over the coils. Neither a filter
    or zeros at the ends of the readout, nor an anti-aliasing filter at the ends of its field of view matter.

    A mask of two dimensions has no whole lines. Then the fully sampled rectangle about DC serves as short lines along
    either axis. With eight coils or more, or an SNR of 50 or less, the level is right to about a tenth; a high SNR in
    few coils and a rectangle of 24 samples give up to twice the level.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`.
    mask
        bool `(phase,)` or `(readout, phase)`.

    Returns
    -------
    Tensor
        complex `(coils, samples)`; no samples if nothing was measured.
    """
    if mask.ndim == 2 and not (mask == mask.any(dim=0)).all():
        return _of_points(kspace, mask)
    lines = mask if mask.ndim == 1 else mask.any(dim=0)
    rows = kspace.any(dim=-1).any(dim=0).nonzero().flatten()
    if not len(rows) or not lines.any():
        return kspace.new_zeros(len(kspace), 0)
    return _air(kspace[:, int(rows[0]) : int(rows[-1]) + 1, lines])


def _of_points(kspace: Tensor, mask: Tensor) -> Tensor:
    """Return samples in air of the rectangle about DC, or those farthest from DC if the rectangle is too small.

    So few samples tell air from object only roughly, and the quietest of many positions would be quieter than the
    noise. Positions and windows are therefore chosen on some of the lines and count with the others.
    """
    block = fully_sampled(kspace, mask).lines
    if min(block.shape[1:]) < SMALLEST_RECTANGLE:
        points = mask.nonzero()
        distance = (2 * points / points.new_tensor(mask.shape) - 1).square().sum(dim=1)
        points = points[distance.argsort()[-max(1, round(OUTERMOST * len(points))) :]]
        return kspace[:, points[:, 0], points[:, 1]]
    profiles = [_profiles(block), _profiles(block.mT)]
    powers = [one.abs().square().mean(dim=0) for one in profiles]
    samples = []
    for fold in range(FOLDS):
        others = torch.cat([_without(power, fold).mean(dim=1) for power in powers])
        for cell in others.argsort()[:QUIET_CELLS].tolist():
            along = int(cell >= len(powers[0]))
            samples.append(profiles[along][:, cell - along * len(powers[0]), fold::FOLDS])
    return torch.cat(samples, dim=1)


def _profiles(block: Tensor) -> Tensor:
    """Transform the outer of the lines `(coils, rows, lines)` under each window to `(coils, cells, lines)`.

    A wide window keeps more of the noise and a narrow one more of the ringing out.
    """
    rows, count = block.shape[-2:]
    outer = (torch.arange(count, device=block.device) - count // 2).abs() >= OUTER_LINES * count / 2
    turns = 2 * torch.pi * (torch.arange(rows, device=block.device) + 0.5) / rows
    windows = torch.stack([_cosines(terms, turns) for terms in WINDOWS])
    windows = windows / windows.square().mean(dim=1, keepdim=True).sqrt()
    tapered = windows[:, :, None] * block[:, None, :, outer]
    return torch.fft.fft(tapered, n=2 * rows, dim=2).flatten(1, 2) / math.sqrt(rows)


def _cosines(terms: tuple[float, ...], turns: Tensor) -> Tensor:
    return torch.stack([term * torch.cos(number * turns) for number, term in enumerate(terms)]).sum(dim=0)


def _without(power: Tensor, fold: int) -> Tensor:
    """Leave out every `FOLDS`-th line of `(cells, lines)`."""
    return power[:, torch.arange(power.shape[1], device=power.device) % FOLDS != fold]


def _air(lines: Tensor) -> Tensor:
    """Return samples in air `(coils, samples)` of lines `(coils, readout, lines)`."""
    coils, readout, _ = lines.shape
    heard = lines.flatten(1).any(dim=1)
    window = torch.blackman_window(readout + 2, periodic=False, device=lines.device)[1:-1]
    window = window / window.square().mean().sqrt()
    positions = torch.fft.fft(lines * window[:, None], dim=1, norm="ortho")
    if not heard.any():
        return lines.new_zeros(coils, 0)
    quiet = positions.abs().square().mean(dim=0).quantile(QUIET_SHARE, dim=0)
    positions = positions[..., quiet <= SPIKE * quiet.median()]
    count = positions.shape[-1]
    power = positions.abs().square().mean(dim=-1)[heard]
    level = _lowest_level(power, count)
    level = torch.where(level > 0, level, power.mean(dim=1))
    joint = (power / level[:, None]).mean(dim=0)
    quietest = joint.argsort()[: max(1, round(QUIETEST * readout))]
    independent = _independent_coils(positions[heard][:, quietest].flatten(1) / level.sqrt()[:, None])
    shared = _equal(joint[None], _lowest_level(joint[None], count * independent), count * independent)[0]
    air = positions[:, shared] if shared.any() else positions[:, quietest]
    return air.flatten(1)


def _lowest_level(power: Tensor, count: float) -> Tensor:
    """Return the lowest power `(rows,)` that a share of the positions has in common.

    Parameters
    ----------
    power
        real `(rows, positions)`: means of `count` independent powers.
    count
        Shape of the gamma distribution of noise.
    """
    low, high, middle = _interval(count)
    rising = power.sort(dim=1).values
    levels = rising / middle
    above, below = (levels * high).contiguous(), (levels * low).contiguous()
    found = torch.searchsorted(rising, above, right=True) - torch.searchsorted(rising, below)
    wanted = found.amax(dim=1, keepdim=True).clamp(max=max(2, math.ceil(LEAST_AIR * power.shape[1])))
    level = levels.gather(1, (found >= wanted).float().argmax(dim=1, keepdim=True))[:, 0]
    for _ in range(STEPS):
        median = torch.where(_equal(rising, level, count), rising, torch.nan).nanmedian(dim=1).values / middle
        level = torch.where(median.isnan(), level, median)
    return level


def _equal(power: Tensor, level: Tensor, count: float) -> Tensor:
    """Mark the positions whose power agrees with a level of noise, bool `(rows, positions)`."""
    low, high, _ = _interval(count)
    return (power >= low * level[:, None]) & (power <= high * level[:, None])


def _interval(count: float) -> tuple[float, float, float]:
    """Return both ends of the interval, and the median, of a mean of `count` independent powers of mean 1."""
    from scipy.special import gammaincinv  # noqa: PLC0415 - takes a tenth of a second to import

    low, high, middle = gammaincinv(count, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2, 0.5)) / count
    return float(low), float(high), float(middle)


def _independent_coils(samples: Tensor) -> float:
    """Return how many independent coils would have the same spread of total power: `(tr Psi)^2 / tr(Psi^2)`."""
    coils, count = samples.shape
    covariance = samples @ samples.mH / count
    trace = covariance.diagonal().real.sum()
    square = covariance.abs().square().sum() - trace.square() / count  # the second term is that of the estimate
    return float((trace.square() / square.clamp(min=torch.finfo(trace.dtype).tiny)).clamp(1, coils))
