"""Estimates noise without a noise scan: in k-space, and in every pixel of an image."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.calibration.compression import compress
from recon.calibration.noise import air_variance
from recon.solvers.bright_sense import bright_sense
from recon.solvers.problem import Problem

LAMDA, ITERATIONS = 3e-3, 4
"""Regularisation and iterations of the fit through which noise is sent."""

WINDOW = 9
"""Pixels over which power is averaged."""


def noise_levels(masked_kspace: Tensor, mask: Tensor) -> Tensor:
    """Estimate the standard deviation of each slice's noise from the air beside the object.

    Parameters
    ----------
    masked_kspace
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`.

    Returns
    -------
    Tensor
        real `(batch,)`: of complex samples, the mean over the coils that are not silent.
    """
    variances = air_variance(masked_kspace, mask[:, 0])
    means = variances.sum(dim=-1) / (variances > 0).sum(dim=-1).clamp(min=1)
    return means.nan_to_num().sqrt()


@torch.no_grad()
def noise_maps(problem: Problem, levels: Tensor) -> Tensor:
    """Estimate the noise that SENSE would leave in every pixel: one noise image, smoothed.

    White noise passes through a fit that is weighted by brightness (pseudo-replica, Robson et al. 2008). The noise is
    the same every time, so that a slice gives the same image every time.

    Parameters
    ----------
    problem
        The problems of the slices.
    levels
        real `(batch,)`: standard deviation of the samples, in the scanner's units.

    Returns
    -------
    Tensor
        real `(batch, readout, phase)`: standard deviation at unit scale, in natural order.
    """
    encoding = problem.encoding
    unit = (levels / problem.scale)[:, None, None, None]
    samples = compress(_white(problem.kspace), problem.compression) * unit * encoding.mask
    image = bright_sense(encoding, samples, problem.brightness, LAMDA, ITERATIONS, tolerance=0)
    return _local_mean(image.abs().square().sum(1)).sqrt()


def _local_mean(power: Tensor) -> Tensor:
    """Average real `(batch, readout, phase)` over a window about each pixel."""
    return avg_pool2d(power, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)


def _white(kspace: Tensor) -> Tensor:
    """Draw white noise of unit variance, complex `(coils, readout, phase)`; that of a coil depends on its number."""
    return _white_noise(kspace.shape[1:], kspace.is_cuda).to(kspace, non_blocking=True)


@lru_cache(maxsize=1)
def _white_noise(shape: torch.Size, pinned: bool) -> Tensor:
    """Draw the noise of `_white` on the CPU, once for all slices of a size; callers must not write to it."""
    noise = torch.empty(shape, dtype=torch.complex64, pin_memory=pinned)
    for number, plane in enumerate(noise):
        torch.randn(plane.shape, generator=torch.Generator().manual_seed(number), dtype=noise.dtype, out=plane)
    return noise
