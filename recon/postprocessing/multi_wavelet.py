"""Denoises an image of known noise by a bank of undecimated wavelets, iterated at the least estimated risk."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from recon.postprocessing.frames import LEVELS, Frame, bank
from recon.postprocessing.sure import Candidate, Probe

WINDOW = 3
"""Pixels along either axis over which the power of wavelet coefficients is averaged."""

THRESHOLD = 1.5
"""Power below which coefficients are removed in the first pass, in units of the power of noise."""

PASSES = 2


@dataclass(frozen=True, eq=False)
class Denoised:
    """A denoised image.

    Attributes
    ----------
    image
        `(rows, columns)`, of the type of the noisy image.
    risk
        Estimate of the mean squared error of a pixel, without the truth.
    """

    image: Tensor
    risk: float


def denoise(image: Tensor, deviation: Tensor, support: Tensor | None = None) -> Denoised:
    """Denoise an image.

    Each pass makes candidates, one for each frame and scale, and combines them with the noisy image and the current
    best at the least estimated risk. In the first pass a coefficient `d` of noise variance `v` becomes
    `max(0, 1 - t v / s) d`, where `s` is the power of its neighbourhood (as in Cai & Silverman 2001). In later passes
    it is the Wiener filter `s / (s + v) d`, where `s` is the power of the current best image (Ghael et al. 1997).

    Parameters
    ----------
    image
        complex64 or float32 `(rows, columns)`. It counts as periodic.
    deviation
        float32 `(rows, columns)`: standard deviation of the noise, of a complex image that of its real part.
    support
        bool `(rows, columns)`: frequencies at which there is noise, in the order of the fast Fourier transform; all
        if None. Otherwise the noise is white.
    """
    level = deviation.square().mean().sqrt()
    if level == 0:
        return Denoised(image, 0.0)
    if support is None:
        support = torch.ones(image.shape, dtype=torch.bool, device=image.device)
    probe = Probe.of(image / level, deviation / level, support)
    frames = bank(*image.shape, image.device)
    variance = (2 if image.is_complex() else 1) * (deviation / level).square()
    noise = [[frame.noise(variance, scale, support) for scale in range(LEVELS)] for frame in frames]

    def shrunk(pilot: Candidate | None) -> list[Candidate]:
        scales = [
            _kept(probe, frame, scale, variances[scale], pilot)
            for frame, variances in zip(frames, noise, strict=True)
            for scale in range(LEVELS)
        ]
        return scales + [_coarse(probe, frame, support) for frame in frames]

    best, risk = probe.combine([probe.unchanged, *shrunk(None)])
    for _ in range(1, PASSES):
        best, risk = probe.combine([probe.unchanged, best, *shrunk(best)])
    denoised = best.images[0] if image.is_complex() else best.images[0].real
    return Denoised(denoised * level, float(risk * level.double().square()) / image.numel())


def _kept(probe: Probe, frame: Frame, scale: int, variance: Tensor, pilot: Candidate | None) -> Candidate:
    """Shrink one scale of a frame, and return the part of the images that is left in it."""
    coefficients = frame.analyse(torch.fft.fft2(probe.images), scale)
    floor = torch.finfo(variance.dtype).tiny
    if pilot is None:
        gain = (1 - THRESHOLD * variance / _local_power(coefficients).clamp(min=floor)).clamp(min=0)
    else:
        power = _local_power(frame.analyse(torch.fft.fft2(pilot.images), scale))
        gain = power / (power + variance).clamp(min=floor)
    kept = torch.cat([gain * coefficients, (gain[0] * coefficients[1]).unsqueeze(0)])
    *images, linear = frame.synthesise(kept, scale)
    return probe.candidate(torch.stack(images), linear, (gain[0] * variance).double().sum())


def _coarse(probe: Probe, frame: Frame, support: Tensor) -> Candidate:
    """Return the part of the images below all scales of a frame, which is not shrunk."""
    share = (frame.rest * support).double().sum() / support.sum()
    return Candidate(frame.coarse(torch.fft.fft2(probe.images)), share * probe.power)


def _local_power(coefficients: Tensor) -> Tensor:
    """Average the squares of complex `(images, orientations, rows, columns)` over a window, across the borders."""
    power = coefficients.real.square() + coefficients.imag.square()
    around = pad(power, [WINDOW // 2] * 4, mode="circular")
    return avg_pool2d(around, WINDOW, stride=1)
