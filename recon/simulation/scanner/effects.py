"""Imperfections of a scan: folding, truncation of k-space, Nyquist ghosts, coil noise."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.fourier import fft, ifft

TISSUE = 0.1
"""Share of the maximum above which a pixel counts as tissue; the SNR refers to the signal of tissue."""


def fold(coil_images: Tensor, phase: int) -> Tensor:
    """Fold the part of an image beyond the field of view along phase back into it.

    Parameters
    ----------
    coil_images
        complex `(coils, readout, wider)`, centred.
    phase
        Columns of the field of view; `wider - phase` is even.

    Returns
    -------
    Tensor
        complex `(coils, readout, phase)`.
    """
    surplus = (coil_images.shape[-1] - phase) // 2
    folded = coil_images[..., surplus : surplus + phase].clone()
    if surplus:
        folded[..., -surplus:] += coil_images[..., :surplus]
        folded[..., :surplus] += coil_images[..., -surplus:]
    return folded


def truncate(fine: Tensor, shape: tuple[int, int]) -> Tensor:
    """Keep the centre `(readout, phase)` of the k-space of a complex image, as a scanner does; edges ring."""
    rows, columns = (size // 2 - kept // 2 for size, kept in zip(fine.shape[-2:], shape, strict=True))
    kept = fft(fine)[..., rows : rows + shape[0], columns : columns + shape[1]]
    return ifft(kept) * math.sqrt(shape[0] * shape[1] / (fine.shape[-2] * fine.shape[-1]))


def nyquist_ghost(kspace: Tensor, rng: np.random.Generator) -> Tensor:
    """Add a phase to odd lines that varies linearly along readout: a weak ghost half a field of view away.

    Unbalanced gradients have this effect in echo-planar and other interleaved imaging (Buonocore & Gao 1997). Takes
    and returns complex `(coils, readout, phase)`.
    """
    rows = kspace.shape[-2]
    angle = rng.normal(0, 0.08) + rng.normal(0, 0.1) * torch.linspace(-1, 1, rows, device=kspace.device)
    hybrid = ifft(kspace, (-2,))
    hybrid[..., 1::2] *= torch.polar(torch.ones_like(angle), angle)[:, None]
    return fft(hybrid, (-2,))


def coil_noise(kspace: Tensor, snr: float, rng: np.random.Generator) -> Tensor:
    """Draw noise that is correlated between the coils and differs in strength from coil to coil.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`, noiseless.
    snr
        Mean of the root sum of squares over tissue, divided by the standard deviation of the real part of the noise
        of a coil, as root mean square over the coils.
    rng
        Source of the correlations and the noise.

    Returns
    -------
    Tensor
        complex, of the same shape as `kspace`.
    """
    coils = len(kspace)
    image = rss(ifft(kspace))
    tissue = image[image > TISSUE * image.amax()]
    coupling = rng.standard_normal((coils, coils, 2)) @ [1, 1j]
    mixing = np.eye(coils) + rng.uniform(0, 0.25) / np.sqrt(coils) * coupling
    mixing *= rng.lognormal(0, 0.15, coils)[:, None]
    mixing /= np.sqrt((np.abs(mixing) ** 2).sum(1).mean())
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    white = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype).to(kspace.device) * math.sqrt(2)
    correlated = torch.tensordot(torch.from_numpy(mixing.astype(np.complex64)).to(kspace.device), white, 1)
    return correlated * (tissue.mean() / snr)
