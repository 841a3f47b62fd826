"""The standard deviation of the noise in a reconstructed image: by formula where a method has one."""

from __future__ import annotations

from torch import Tensor

from recon.calibration.noise import noise_covariance
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
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
    return pseudo_replica(method, acquisition, covariance, replicas) if formula is None else formula
