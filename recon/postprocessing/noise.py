"""Measures the noise of a complex image before stages improve it: by formula, else by a few smoothed replicas."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.noise import mix_coils, noise_covariance, noise_variance
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.quality.uncertainty import smooth

REPLICAS = 3
"""Number of pseudo-replicas for a method without a noise formula; an image then takes four times as long."""

SMOOTHING = 3.0
"""Standard deviation in pixels of the Gaussian over which the power of the replicas' noise is averaged."""


NEGLIGIBLE = 1e-6
"""Variance that is added to every channel, as share of the mean variance, because silent channels have none."""


def image_noise(method: Reconstruction, acquisition: Acquisition) -> tuple[Tensor, Tensor]:
    """Reconstruct the complex image of a slice, and measure its noise.

    Parameters
    ----------
    method
        A method that keeps the phase.
    acquisition
        One slice, k-space `(coils, readout, phase)`. The noise is that of the noise scan if there is one, else
        estimated from the air beside the object.

    Returns
    -------
    tuple of Tensor
        The image, complex64 `(rows, columns)`; and the standard deviation of the real part of its noise, float32
        `(rows, columns)`. The latter comes from the method's formula, else from `REPLICAS` pseudo-replicas (Robson et
        al. 2008): the change of the image by added noise, squared and averaged over a few pixels. For a method that
        is not linear it is the noise that small changes of the data leave in this image.

    Raises
    ------
    InputError
        If the method cannot reconstruct the slice.
    """
    image = complex_image(method, acquisition)
    covariance = _covariance(acquisition)
    if not covariance.any():  # noise-free data
        return image, torch.zeros_like(image.real)
    formula = method.noise_map(acquisition, covariance)
    return image, _replicas(method, acquisition, covariance, image) if formula is None else formula


def _replicas(method: Reconstruction, acquisition: Acquisition, covariance: Tensor, image: Tensor) -> Tensor:
    floor = torch.eye(len(covariance)).to(covariance) * covariance.diagonal().real.mean() * NEGLIGIBLE
    coloring = torch.linalg.cholesky(covariance + floor).to(acquisition.kspace)
    generator = torch.Generator().manual_seed(0)
    power = torch.zeros_like(image.real)
    for _ in range(REPLICAS):
        white = torch.randn(acquisition.kspace.shape, generator=generator, dtype=torch.complex64)
        noise = torch.where(acquisition.mask, mix_coils(coloring, white.to(coloring)), 0)
        other = complex_image(method, replace(acquisition, kspace=acquisition.kspace + noise))
        power += (other - image).abs().square() / (2 * REPLICAS)
    return smooth(power, SMOOTHING).sqrt()


def _covariance(acquisition: Acquisition) -> Tensor:
    """Return the noise covariance of the channels; if it cannot be estimated, that of independent channels."""
    try:
        return noise_covariance(acquisition)
    except InputError:
        return noise_variance(acquisition).diag().to(acquisition.kspace)


def complex_image(method: Reconstruction, acquisition: Acquisition) -> Tensor:
    """Return the complex image `(rows, columns)` of a method with `keeps_phase`.

    Raises
    ------
    InputError
        If the method cannot reconstruct the slice, or returns no complex image after all.
    """
    image = method.complex_image(acquisition)
    if image is None:
        raise InputError(f"{acquisition.name}: the method returned no complex image, which its stages need")
    return image
