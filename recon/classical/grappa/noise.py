"""Computes from GRAPPA's weights the noise of its image, for any mask along phase."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from torch import Tensor

from recon.calibration.compression import compress
from recon.calibration.noise import mix_coils
from recon.classical.grappa.kernels import Kernels
from recon.coils import rss

ROWS = 8
"""Positions along readout treated at a time, which bounds the memory."""


def noise_variances(
    kernels: Kernels, coil_images: Tensor, covariance: Tensor, padding: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return the variance of the combined image's noise, undersampled and fully sampled (Breuer et al. 2009).

    Breuer multiplies by the transformed kernel, which a regular mask without calibration lines allows. Here each
    pixel is written as a sum over the measured samples, directly and through the weights, so the variance is exact
    for any mask; the weights count as fixed. The coils are combined in the direction of the reconstructed coil
    images, which is what the root sum of squares does where there is signal.

    Parameters
    ----------
    kernels
        The linear map from measured to all lines.
    coil_images
        complex64 `(coils, readout, phase)`: the reconstruction.
    covariance
        complex `(coils, coils)` covariance of the noise.
    padding
        The columns `[first, last)` that a full scan measures.

    Returns
    -------
    tuple of Tensor
        float32 `(readout, phase)` each: variance of the complex noise.
    """
    magnitude = rss(coil_images)
    directions = coil_images / torch.where(magnitude > 0, magnitude, 1)
    root = torch.linalg.cholesky(covariance).to(directions)
    accelerated = torch.cat(
        [
            _variance(kernels, directions[:, first : first + ROWS], first, root)
            for first in range(0, len(magnitude), ROWS)
        ]
    )
    full = mix_coils(root.mH, directions).abs().square().sum(dim=0)
    first, last = padding
    return accelerated, full * (last - first) / kernels.mask.numel()  # padding brings no noise


def _variance(kernels: Kernels, directions: Tensor, first: int, root: Tensor) -> Tensor:
    """Variance `(rows, phase)` of `sum_c conj(p_c) m_c` for a few rows, noise of covariance `root root^H`.

    Parameters
    ----------
    kernels
        The linear map from measured to all lines.
    directions
        complex64 `p`, `(coils, rows, phase)`.
    first
        Where these rows begin.
    root
        complex64 `(coils, coils)`.
    """
    rows, phase = directions.shape[1:]
    measured = torch.nonzero(kernels.mask).flatten()
    position = kernels.mask.cumsum(0) - 1
    waves = _waves(phase, directions.device)
    combination = compress(directions, kernels.compression).conj()
    through = directions.new_zeros(rows, phase, len(combination), len(measured))
    for kernel in kernels.kernels:
        weights = rearrange(
            kernels.grid.interpolate(kernel.weights, slice(first, first + rows)),
            "x (coil target) (other source) -> x coil target other source",
            coil=len(combination),
            other=len(combination),
        )
        combined = torch.einsum("cxy,xctos->xytos", combination, weights)
        gains = torch.einsum("ytg,xytos->xyosg", waves[:, kernel.targets], combined)
        through.index_add_(-1, position[kernel.sources].flatten(), gains.flatten(start_dim=-2))
    direct = torch.einsum("cxy,cd,yl->xydl", directions.conj(), root, waves[:, measured])
    gains = direct + torch.einsum("xyol,od->xydl", through, kernels.compression.mH @ root)
    return torch.view_as_real(gains).square().sum(dim=(-3, -2, -1))


def _waves(phase: int, device: torch.device) -> Tensor:
    """Matrix `(pixels, lines)` of the inverse Fourier transform along phase."""
    centered = torch.arange(phase, device=device) - phase // 2
    angles = centered.outer(centered) * (2 * math.pi / phase)
    return torch.polar(torch.ones_like(angles), angles) / math.sqrt(phase)
