"""GRAPPA for masks along both axes: missing samples as linear combinations of the measured ones around them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from recon.calibration.brightness import brightness
from recon.calibration.compression import compress, expand
from recon.calibration.covariance import NULL_SPACE, SHARPENING
from recon.calibration.noise import air_variance
from recon.calibration.projection import espirit_operator

GRID = 48
"""Number of pixels along both axes at which the covariance is computed."""

RADIUS = GRID // 4 - 1
"""Largest distance of a source from its target along each axis: two sources are less than half the grid apart."""

NEAR = 9
"""Width of the square in which the energy about a sample is the mean of the measured ones."""

PATTERNS = 128
"""Number of patterns whose weights are computed at a time, which bounds the memory."""

TARGETS = 4096
"""Number of targets whose neighbours are sought at a time, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """The missing samples of a mask, and the measured ones that each is filled from.

    Attributes
    ----------
    targets
        int64 `(targets, 2)`: indices along both axes.
    offsets
        int64 `(targets, sources, 2)`: where the sources lie from the target, the nearest first.
    present
        bool `(targets, sources)`: False where fewer sources are within reach.
    """

    targets: Tensor
    offsets: Tensor
    present: Tensor


def plane_covariance(lines: Tensor) -> Tensor:
    """Estimate `E[k_i(a) conj(k_j(b))]` as a function of the distance `a - b` along both axes.

    It is the transform along both axes of what `kspace_covariance` transforms along phase.

    Parameters
    ----------
    lines
        complex64 `(coils, readout, lines)` about DC.

    Returns
    -------
    Tensor
        complex64 `(GRID, GRID, coils, coils)`, distances modulo `GRID`; its trace at distance zero is one.
    """
    grid = (GRID, GRID)
    operator = rearrange(espirit_operator(lines, grid, NULL_SPACE), "coil other x y -> x y coil other").contiguous()
    variance = brightness([lines], grid)[0].sqrt()
    signals = variance[..., None, None] * torch.linalg.matrix_power(operator, SHARPENING)
    total = signals.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1).mean()
    signals = torch.fft.ifftshift(signals / torch.where(total > 0, total, 1), dim=(0, 1))
    return torch.fft.fft2(signals, dim=(0, 1), norm="forward")


def find_gaps(mask: Tensor, acquired: tuple[int, int], sources: int) -> Gaps:
    """Find for each missing sample the nearest measured ones.

    Parameters
    ----------
    mask
        bool `(readout, phase)`.
    acquired
        Columns `[first, last)` outside of which nothing is filled.
    sources
        Largest number of sources of a target.
    """
    first, last = acquired
    missing = ~mask
    missing[:, :first] = missing[:, last:] = False
    targets = missing.nonzero()
    steps = torch.arange(-RADIUS, RADIUS + 1, device=mask.device)
    window = torch.cartesian_prod(steps, steps)
    window = window[window.square().sum(1).argsort(stable=True)]
    padded = pad(mask, [RADIUS] * 4)
    width = padded.shape[1]
    flat, places = padded.flatten(), (targets + RADIUS) @ torch.tensor([width, 1], device=mask.device)
    shifts = window @ torch.tensor([width, 1], device=mask.device)
    offsets, present = [], []
    for part in torch.split(places, TARGETS):
        measured = flat[part[:, None] + shifts]
        rank = measured.cumsum(1) * measured
        chosen = measured & (rank <= sources)
        order = torch.where(chosen, rank, sources + 1).argsort(dim=1, stable=True)[:, :sources]
        offsets.append(window[order])
        present.append(chosen.gather(1, order))
    if not offsets:
        return Gaps(targets, targets.new_zeros(0, sources, 2), mask.new_zeros(0, sources))
    found = Gaps(targets, torch.cat(offsets), torch.cat(present))
    kept = found.present.any(1)
    return Gaps(found.targets[kept], found.offsets[kept] * found.present[kept][..., None], found.present[kept])


def plane_noise_share(kspace: Tensor, mask: Tensor) -> Tensor:
    """Return the noise variance of one coil over the mean energy of all coils about each sample.

    Parameters
    ----------
    kspace
        complex64 `(coils, readout, phase)`, zero where not measured.
    mask
        bool `(readout, phase)`.

    Returns
    -------
    Tensor
        float32 `(readout, phase)`.
    """
    noise = air_variance(kspace, mask).mean()
    energy = (kspace.real.square() + kspace.imag.square()).sum(dim=0)
    maps = torch.stack([energy, mask.to(energy)])[None]
    near, count = avg_pool2d(maps, NEAR, stride=1, padding=NEAR // 2)[0]
    return noise * count / torch.where(near > 0, near, torch.inf)


def fill_plane(kspace: Tensor, gaps: Gaps, covariance: Tensor, compression: Tensor, lamdas: Tensor) -> Tensor:
    """Fill the missing samples by `w y` with `w = R_ts (R_ss + lamda I)^-1`; targets alike in all share the weights.

    Parameters
    ----------
    kspace
        complex64 `(coils, readout, phase)`, zero where not measured.
    gaps
        Targets and sources.
    covariance
        Result of `plane_covariance` for the virtual coils.
    compression
        complex64 `(coils, virtual)`.
    lamdas
        float32 `(targets,)`: variance of error and noise in each sample, relative to the signal of all coils.

    Returns
    -------
    Tensor
        complex64 `(coils, readout, phase)`.
    """
    measured = compress(kspace, compression)
    missing = torch.zeros_like(measured)
    if not len(gaps.targets):
        return kspace
    keys = torch.cat([gaps.offsets.flatten(1), gaps.present.long(), lamdas.log2().round().long()[:, None]], dim=1)
    _, which, counts = torch.unique(keys, dim=0, return_inverse=True, return_counts=True)
    order = which.argsort(stable=True)
    starts = counts.cumsum(0) - counts
    for begin in range(0, len(counts), PATTERNS):
        first, stop = int(starts[begin]), int(counts[: begin + PATTERNS].sum())
        some = order[starts[begin : begin + PATTERNS]]
        weights = _weights(covariance, gaps.offsets[some], gaps.present[some], lamdas[some])
        for members in torch.split(order[first:stop], TARGETS):
            places = gaps.targets[members, None] + gaps.offsets[members]
            values = rearrange(
                measured[:, places[..., 0], places[..., 1]], "coil target source -> target (coil source) 1"
            )
            filled = (weights[which[members] - begin] @ values)[..., 0]
            missing[:, gaps.targets[members, 0], gaps.targets[members, 1]] = filled.mT
    return kspace + expand(missing, compression)


def _weights(covariance: Tensor, offsets: Tensor, present: Tensor, lamdas: Tensor) -> Tensor:
    """Return complex64 `(patterns, coils, coils * sources)`; those of absent sources are zero."""
    between = offsets[:, :, None] - offsets[:, None]
    both = (present[:, :, None] & present[:, None])[..., None, None]
    noisy = rearrange(
        torch.where(both, covariance[between[..., 0], between[..., 1]], 0),
        "pattern a b coil other -> pattern (coil a) (other b)",
    )
    coils = covariance.shape[-1]
    ridge = torch.where(present, lamdas[:, None], 1.0).repeat(1, coils)
    noisy.diagonal(dim1=-2, dim2=-1).add_(ridge)
    wanted = torch.where(present[..., None, None], covariance[-offsets[..., 0], -offsets[..., 1]], 0)
    wanted = rearrange(wanted, "pattern b coil other -> pattern (other b) coil")
    return torch.cholesky_solve(wanted.conj(), torch.linalg.cholesky(noisy)).mH
