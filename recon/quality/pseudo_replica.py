"""Measures the noise of any reconstruction by repeating it on data with added noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.noise import mix_coils
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError

Image = Callable[[Acquisition], Tensor]


def pseudo_replica(
    method: Image, acquisition: Acquisition, covariance: Tensor, replicas: int = 100, seed: int = 0
) -> Tensor:
    """Measure the standard deviation of the image's noise (Robson et al. 2008, the pseudo multiple replica method).

    Parameters
    ----------
    method
        Any callable from an acquisition to a real image. It calibrates itself anew on every replica; a separate
        reference scan stays unchanged.
    acquisition
        K-space `(..., coils, readout, phase)`. Noise that it already holds does not count.
    covariance
        complex `(coils, coils)` covariance of the noise to add, in the convention of `covariance_of_noise`.
    replicas
        Number of reconstructions; the result has a relative standard error of `1 / sqrt(2 (replicas - 1))`.
    seed
        Seed of the noise.

    Returns
    -------
    Tensor
        float32, in the shape and the units of the image.

    Raises
    ------
    InputError
        If there are fewer than two replicas.
    """
    if replicas < 2:
        raise InputError(f"a standard deviation takes two replicas or more, not {replicas}")
    coloring = torch.linalg.cholesky(covariance).to(acquisition.kspace)
    generator = torch.Generator().manual_seed(seed)
    mean = squares = torch.zeros((), dtype=torch.float64)
    for count in range(1, replicas + 1):
        white = torch.randn(acquisition.kspace.shape, generator=generator, dtype=torch.complex64)
        noise = torch.where(acquisition.mask, mix_coils(coloring, white.to(coloring)), 0)
        image = method(replace(acquisition, kspace=acquisition.kspace + noise)).double()
        step = image - mean
        mean = mean + step / count
        squares = squares + step * (image - mean)
    return (squares / (replicas - 1)).sqrt().float()
