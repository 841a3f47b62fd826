"""Undecimated wavelets as tight frames: filters in the Fourier domain whose powers sum to one at every frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

LEVELS = 4
"""Number of scales, of which each is twice as coarse as the one before."""

ORIENTATIONS = 6
"""Number of orientations of the steerable wavelets."""

WIDEST = 1.2 * math.pi
"""Frequency in radians per pixel up to which the low-pass of the finest steerable wavelets reaches."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Filters of several scales; an image is the sum of its bands, each filtered twice.

    Attributes
    ----------
    details
        complex64 `(levels, orientations, rows, columns)`: spectra of the wavelets, in the order of the fast Fourier
        transform, finest first.
    rest
        float32 `(rows, columns)`: power of the low-pass filter behind the coarsest scale.
    """

    details: Tensor
    rest: Tensor

    def analyse(self, spectrum: Tensor, level: int) -> Tensor:
        """Return the wavelet coefficients of one scale.

        Parameters
        ----------
        spectrum
            complex64 `(..., rows, columns)`: Fourier transform of images.
        level
            Number of the scale.

        Returns
        -------
        Tensor
            complex64 `(..., orientations, rows, columns)`.
        """
        return torch.fft.ifft2(spectrum.unsqueeze(-3) * self.details[level])

    def synthesise(self, coefficients: Tensor, level: int) -> Tensor:
        """Apply the adjoint of `analyse` to coefficients; return images `(..., rows, columns)`."""
        return torch.fft.ifft2((torch.fft.fft2(coefficients) * self.details[level].conj()).sum(-3))

    def coarse(self, spectrum: Tensor) -> Tensor:
        """Return the part of images `(..., rows, columns)` that no scale holds."""
        return torch.fft.ifft2(spectrum * self.rest)

    def noise(self, variance: Tensor, level: int, support: Tensor) -> Tensor:
        """Return the variance that white noise, or white noise cut to a part of k-space, has in the coefficients.

        Parameters
        ----------
        variance
            float32 `(rows, columns)`: variance of the image's noise.
        level
            Number of the scale.
        support
            bool `(rows, columns)`: frequencies at which there is noise, in the order of the fast Fourier transform.

        Returns
        -------
        Tensor
            float32 `(orientations, rows, columns)`: sum over the pixels of their variance times the
            squared wavelet.
        """
        power = self.details[level].abs().square()
        share = (power * support).sum((-2, -1)) / power.sum((-2, -1)) / support.float().mean()
        reach = torch.fft.fft2(torch.fft.ifft2(self.details[level]).abs().square())
        spread = torch.fft.ifft2(torch.fft.fft2(variance) * reach).real.clamp(min=0)
        return spread * share[:, None, None]


@lru_cache(maxsize=1)
def bank(rows: int, columns: int, device: torch.device) -> tuple[Frame, ...]:
    """Return the frames for images of one size: Haar wavelets, which never ring, and steerable ones along edges."""
    return _haar(rows, columns, device), _steerable(rows, columns, device)


def _haar(rows: int, columns: int, device: torch.device) -> Frame:
    """Make the undecimated Haar wavelets, with filters `(1 +- z) / 2` (Coifman & Donoho 1995)."""
    down, across = _frequencies(rows)[:, None], _frequencies(columns)
    low = torch.ones(rows, columns, dtype=torch.complex128)
    details = []
    for level in range(LEVELS):
        shifts = [torch.polar(torch.ones_like(axis), -(2**level) * axis) for axis in (down, across)]
        (low_down, high_down), (low_across, high_across) = (((1 + shift) / 2, (1 - shift) / 2) for shift in shifts)
        details.append(
            torch.stack([low * high_down * low_across, low * low_down * high_across, low * high_down * high_across])
        )
        low = low * low_down * low_across
    return _frame(details, low.abs(), device)


def _steerable(rows: int, columns: int, device: torch.device) -> Frame:
    """Make steerable wavelets: rings of octaves, split by powers of the cosine (Simoncelli & Freeman 1995)."""
    down, across = _frequencies(rows)[:, None], _frequencies(columns)
    radius, angle = torch.hypot(down, across), torch.atan2(down, across)
    order = ORIENTATIONS - 1
    gain = 2**order * math.factorial(order) / math.sqrt(ORIENTATIONS * math.factorial(2 * order))
    lobes = torch.stack(
        [gain * torch.cos(angle - math.pi * number / ORIENTATIONS) ** order for number in range(ORIENTATIONS)]
    )
    low = torch.ones(rows, columns, dtype=torch.float64)
    details = []
    for level in range(LEVELS):
        octaves = (torch.log2(radius.clamp(min=1e-9) / (WIDEST / 2**level)) + 1).clamp(0, 1)
        narrower = torch.cos(math.pi / 2 * octaves)
        details.append((low.square() - narrower.square()).clamp(min=0).sqrt() * lobes * (-1j) ** order)
        low = narrower
    return _frame(details, low, device)


def _frame(details: list[Tensor], low: Tensor, device: torch.device) -> Frame:
    return Frame(torch.stack(details).to(device, torch.complex64), low.square().to(device, torch.float32))


def _frequencies(size: int) -> Tensor:
    """Return the angular frequencies of an axis, float64 `(size,)`."""
    return 2 * math.pi * torch.fft.fftfreq(size, dtype=torch.float64)
