"""Finds samples of noise alone: measured lines, transformed along readout, show the air beside the object."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recon.calibration.acs import fully_sampled

LEAST_AIR = 0.05
"""Share of the positions that must hold equally little power to be taken for air."""

CONFIDENCE = 0.95
"""Share of the positions in air whose mean power lies in the interval that counts as equal."""

QUIETEST = 0.05
"""Share of the positions from which the correlation of the coils, and so the spread of their sum, is estimated."""

STEPS = 30
"""Number of times that interval and level are refined."""

NEWTON_STEPS = 6
"""Number of steps from an approximate quantile of the gamma distribution to one exact in float32."""

SPIKE, QUIET_SHARE = 3.0, 0.1
"""Multiple of the median line's power above which a line holds a spike, by this quantile over its positions."""

WINDOWS = ((0.5, -0.5), (0.42, -0.5, 0.08), (0.35875, -0.48829, 0.14128, -0.01168))
"""Terms of the cosine windows for the rectangle of a two-dimensional mask: Hann, Blackman, Blackman-Harris."""

SMALLEST_RECTANGLE = 8
"""Shortest side of the rectangle about DC in which air can be distinguished from the object."""

OUTER_LINES = 0.6
"""Distance from DC, as a share of the largest, of the lines of the rectangle that count; signal is weaker there."""

OUTER_SHARE, FEWEST_SAMPLES, FEWEST_LINES = 0.4, 96, 4
"""Share of the lines, those farthest from DC, that show whether there is any air; their fewest samples and lines."""

MUCH_QUIETER = 2.0
"""Ratio of the noise found in all lines to that in the outer ones, in power, from which on only the latter count."""

FOLDS, QUIET_CELLS = 4, 3
"""Number of parts into which these lines are divided, and number of positions that count in each part."""

OUTERMOST = 0.1
"""Share of the samples farthest from DC that are taken for noise where the rectangle is too small."""


def air_samples(kspace: Tensor, mask: Tensor) -> Tensor:
    """Return samples that hold noise alone, with the variance and the covariance of the noise in k-space.

    Lines are measured in full along readout. Weighted by a Blackman window, which keeps the signal from ringing, and
    transformed along readout, they hold no signal where there is no object. These positions are those whose mean
    power is the same, up to the spread of a gamma distribution, and the lowest that several positions share: the
    fixed point of Koay et al. (2009, PIESNO), first in each coil and then in the sum over the coils. A filter
    or zeros at the ends of the readout do not matter, nor does an anti-aliasing filter at the ends of the image.
    Where the object leaves no air, the lines far from DC are much quieter than all of them, and count alone;
    the level may then be up to three times too high.

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
    masks = mask.reshape(1, -1, mask.shape[-1])
    if _varies_along_readout(masks):
        return _samples_of_rectangle(kspace, mask)
    for _, air in _air_by_size(kspace[None], masks.any(dim=1)):
        return air.samples[0, :, air.is_air[0]]
    return kspace.new_zeros(len(kspace), 0)


def air_power(kspace: Tensor, masks: Tensor) -> Tensor:
    """Return the mean power of the `air_samples` of each slice, zero where there are none.

    The host waits once for the whole batch, unless masks have two dimensions.

    Parameters
    ----------
    kspace
        complex `(batch, coils, readout, phase)`.
    masks
        bool `(batch, 1 or readout, phase)`.

    Returns
    -------
    Tensor
        real `(batch, coils)`.
    """
    if _varies_along_readout(masks):
        samples = [air_samples(*one) for one in zip(kspace, masks, strict=True)]
        return torch.stack([one.abs().square().sum(dim=1) / max(one.shape[1], 1) for one in samples])
    power = kspace.real.new_zeros(kspace.shape[:2])
    for slices, air in _air_by_size(kspace, masks.any(dim=1)):
        power[slices] = air.power()
    return power


def _varies_along_readout(masks: Tensor) -> bool:
    """Return whether a mask `(batch, 1 or readout, phase)` differs from row to row."""
    return masks.shape[1] > 1 and not bool((masks == masks.any(dim=1, keepdim=True)).all())


def _samples_of_rectangle(kspace: Tensor, mask: Tensor) -> Tensor:
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


@dataclass(frozen=True, eq=False)
class _Air:
    """The lines of a batch of slices, transformed along readout, and where in them there is only noise.

    Attributes
    ----------
    samples
        complex `(batch, coils, readout, lines)`.
    is_air
        bool `(batch, readout, lines)`.
    """

    samples: Tensor
    is_air: Tensor

    def power(self) -> Tensor:
        """Return the mean power of the samples in air, real `(batch, coils)`."""
        counts = self.is_air.unsqueeze(1)
        return (self.samples.abs().square() * counts).sum((-2, -1)) / counts.sum((-2, -1)).clamp(min=1)


def _air_by_size(kspace: Tensor, measured: Tensor) -> Iterator[tuple[list[int], _Air]]:
    """Find air in `(batch, coils, readout, phase)` with measured lines `(batch, phase)`.

    Outer rows of zeros are cut off; slices that keep the same rows are treated together.

    Yields
    ------
    tuple
        Indices of slices, and the air in them. Slices without samples are left out.
    """
    rows = kspace.any(dim=-1).any(dim=1).int()
    first, beyond = rows.argmax(dim=-1), rows.shape[-1] - rows.flip(-1).argmax(dim=-1)
    counts = measured.sum(dim=-1) * rows.amax(dim=-1)
    together: dict[tuple[int, int], list[int]] = defaultdict(list)
    lines = []
    for number, (start, stop, count) in enumerate(torch.stack([first, beyond, counts], dim=-1).tolist()):
        lines.append(count)
        if count:
            together[start, stop].append(number)
    from_center = (torch.arange(measured.shape[-1], device=measured.device) - measured.shape[-1] // 2).abs()
    order = (measured * (from_center + 1)).argsort(dim=-1, descending=True, stable=True)
    for (start, stop), slices in together.items():
        chosen = slice(None) if len(slices) == len(kspace) else slices
        most = max(lines[number] for number in slices)
        index = order[chosen, :most]
        cut = torch.take_along_dim(kspace[chosen, :, start:stop], index[:, None, None], dim=-1)
        rank, counts = torch.arange(most, device=cut.device), measured[chosen].sum(dim=-1, keepdim=True)
        everywhere = _find_air(cut, rank < counts)
        fewest = max(FEWEST_LINES, math.ceil(FEWEST_SAMPLES / kspace.shape[1]))
        outside = _find_air(cut, rank < (OUTER_SHARE * counts).ceil().clamp(min=fewest).minimum(counts))
        quieter = MUCH_QUIETER * outside.power().sum(dim=1) < everywhere.power().sum(dim=1)
        air = torch.where(quieter[:, None, None], outside.is_air, everywhere.is_air)
        yield slices, replace(everywhere, is_air=air)


def _find_air(lines: Tensor, measured: Tensor) -> _Air:
    """Find air in lines `(batch, coils, readout, lines)`; those not `measured` only fill up the batch."""
    readout = lines.shape[2]
    heard = lines.flatten(2).any(dim=-1)
    positions = _along_readout(lines)
    powers = positions.abs().square()
    kept = _without_spikes(powers.mean(dim=1), measured)
    count = kept.sum(dim=1)
    power = (powers * kept[:, None, None]).sum(dim=-1) / count[:, None, None]
    of_each = _interval(count)[:, None].expand(-1, power.shape[1], -1)
    level = _lowest_level(power, of_each)
    level = torch.where(level > 0, level, power.mean(dim=-1))
    coils = heard.sum(dim=1)
    relative = torch.where(heard[..., None], power / level[..., None], 0)
    joint = relative.sum(dim=1) / coils.clamp(min=1)[:, None]
    quietest = joint.argsort(dim=1)[:, : max(1, round(QUIETEST * readout))]
    samples = torch.take_along_dim(positions, quietest[:, None, :, None], dim=2) * kept[:, None, None]
    scale = torch.where(heard, level, torch.inf).rsqrt()[..., None]
    independent = _independent_coils(samples.flatten(2) * scale, count * quietest.shape[1], coils)
    of_sum = _interval(count * independent)
    shared = _equal(joint, _lowest_level(joint, of_sum), of_sum)
    fallback = torch.zeros_like(shared).scatter(1, quietest, value=True)
    air = torch.where(shared.any(dim=1, keepdim=True), shared, fallback)
    return _Air(positions, air.unsqueeze(-1) & kept.unsqueeze(1))


def _along_readout(lines: Tensor) -> Tensor:
    """Transform lines `(batch, coils, readout, lines)` under a Blackman window that keeps the power of noise."""
    window = torch.blackman_window(lines.shape[2] + 2, periodic=False, device=lines.device)[1:-1]
    window = window / window.square().mean().sqrt()
    return torch.fft.fft(lines * window[:, None], dim=2, norm="ortho")


def _without_spikes(power: Tensor, measured: Tensor) -> Tensor:
    """Mark the measured lines that hold no spike, which would show at every position along readout.

    Parameters
    ----------
    power
        real `(batch, readout, lines)`.
    measured
        bool `(batch, lines)`.
    """
    quiet = power.quantile(QUIET_SHARE, dim=1)
    median = torch.where(measured, quiet, torch.nan).nanmedian(dim=1, keepdim=True).values
    return measured & (quiet <= SPIKE * median)


def _lowest_level(power: Tensor, interval: Tensor) -> Tensor:
    """Return the lowest power `(...)` that a share of the positions has in common.

    Parameters
    ----------
    power
        real `(..., positions)`: means of independent powers.
    interval
        Interval of such means for noise of power one, from `_interval`, `(..., 3)`.
    """
    low, high, middle = interval.unsqueeze(-2).unbind(-1)
    rising = power.sort(dim=-1).values
    levels = rising / middle
    above, below = (levels * high).contiguous(), (levels * low).contiguous()
    sharing = torch.searchsorted(rising, above, right=True) - torch.searchsorted(rising, below)
    wanted = sharing.amax(dim=-1, keepdim=True).clamp(max=max(2, math.ceil(LEAST_AIR * power.shape[-1])))
    level = levels.gather(-1, (sharing >= wanted).float().argmax(dim=-1, keepdim=True))[..., 0]
    for _ in range(STEPS):
        equal = torch.where(_equal(rising, level, interval), rising, torch.nan)
        median = equal.nanmedian(dim=-1).values / middle[..., 0]
        level = torch.where(median.isnan(), level, median)
    return level


def _equal(power: Tensor, level: Tensor, interval: Tensor) -> Tensor:
    """Mark the positions whose power agrees with a level of noise, bool `(..., positions)`."""
    low, high, _ = (level[..., None] * bound for bound in interval.unsqueeze(-2).unbind(-1))
    return (power >= low) & (power <= high)


def _interval(count: Tensor) -> Tensor:
    """Return both ends of the interval, and the median, of a mean of `count` independent powers of mean one.

    They are quantiles of the gamma distribution: Wilson and Hilferty's (1931), made exact by Newton's method.

    Parameters
    ----------
    count
        Shape of the distribution, at least 1: `(batch,)`.

    Returns
    -------
    Tensor
        float32 `(batch, 3)`.
    """
    a = count.double().unsqueeze(-1)
    shares = torch.tensor([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2, 0.5], dtype=a.dtype, device=a.device)
    x = a * (1 - 1 / (9 * a) + torch.special.ndtri(shares) / (3 * a.sqrt())).clamp(min=0.1) ** 3
    for _ in range(NEWTON_STEPS):
        density = torch.exp((a - 1) * x.log() - x - torch.lgamma(a))
        x = x - (torch.special.gammainc(a, x) - shares) / density
    return (x / a).float()


def _independent_coils(samples: Tensor, count: Tensor, coils: Tensor) -> Tensor:
    """Return how many independent coils would have the same spread of total power: `(tr Psi)^2 / tr(Psi^2)`.

    Parameters
    ----------
    samples
        complex `(batch, coils, samples)`; zero where they do not count.
    count
        Number of samples that count, of each slice.
    coils
        Number of coils that are not silent, of each slice.
    """
    covariance = samples @ samples.mH / count[:, None, None]
    trace = covariance.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1)
    square = covariance.abs().square().sum((-2, -1)) - trace.square() / count  # the second term is the estimate's
    ratio = trace.square() / square.clamp(min=torch.finfo(trace.dtype).tiny)
    return torch.minimum(ratio, coils).clamp(min=1)
