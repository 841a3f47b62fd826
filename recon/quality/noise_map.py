"""Measures the noise in a reconstructed image, for any method: by formula if it has one, else by pseudo-replicas."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.calibration.espirit import estimate_sens_maps
from recon.calibration.noise import noise_covariance
from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.quality.noise_floor import acquired_share
from recon.quality.pseudo_replica import pseudo_replica

REPLICAS = 32
"""Number of replicas, which gives a relative standard error of 13 percent in each pixel."""


def noise_map(
    method: Reconstruction, acquisition: Acquisition, covariance: Tensor | None = None, replicas: int = REPLICAS
) -> Tensor:
    """Return the standard deviation of the image's noise.

    Parameters
    ----------
    method
        The method that reconstructs the image. Its formula is used if it has one, else pseudo-replicas.
    acquisition
        One slice, k-space `(coils, readout, phase)`.
    covariance
        complex `(coils, coils)` covariance of the noise. If None it comes from the noise scan, or from the air
        beside the object where there is no noise scan.
    replicas
        Number of pseudo-replicas.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`, in the image's units.

    Raises
    ------
    InputError
        If neither a noise scan nor the air beside the object determine the covariance.
    """
    if covariance is None:
        covariance = noise_covariance(acquisition)
    formula = method.noise_map(acquisition, covariance)
    if formula is not None:
        return formula
    return pseudo_replica(method.for_replicas(acquisition), acquisition, covariance, replicas)


def g_factor_map(sigma: Tensor, acquisition: Acquisition, covariance: Tensor | None = None) -> Tensor:
    """Return `g = sigma / (sigma_full sqrt(R))` of any method, also for scans that were never fully sampled.

    `sigma_full^2 = u^H Psi u / 2` is the noise in the root sum of squares of a full scan, where there is signal: only
    the noise in phase with the signal `u`, the coil sensitivities of unit norm, shows in the magnitude (Pruessmann et
    al. 1999; Robson et al. 2008). A method that denoises may have `g` below one.

    Parameters
    ----------
    sigma
        The method's `noise_map`, float32 `(rows, columns)`.
    acquisition, covariance
        As for `noise_map`.

    Returns
    -------
    Tensor
        float32 `(rows, columns)`; where there is no signal the value has no meaning.

    Raises
    ------
    InputError
        For the reasons of `noise_map`, or if there are too few calibration lines for coil sensitivities.
    """
    if covariance is None:
        covariance = noise_covariance(acquisition)
    sens_maps = center_crop(estimate_sens_maps(acquisition), acquisition.crop)
    covariance = covariance.to(sens_maps)
    full = torch.einsum("crp,cd,drp->rp", sens_maps.conj(), covariance, sens_maps).real.clamp(min=0) / 2
    full = full * acquired_share(acquisition)
    return sigma / (torch.where(full > 0, full, torch.inf) * acquisition.acceleration).sqrt()
