"""Estimates the noise covariance of the receive channels, and whitens it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recon.calibration.air import air_power, air_samples
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError, warn_of_input

SILENT = 1e-4
"""Noise of a silent channel relative to that of the loudest; the gains of channels differ by far less."""

LEAST_INDEPENDENT = 1e-6
"""Smallest share of a channel's noise that no other channel holds; less is rounding."""

SWEEPS = 30
"""Number of fixed-point iterations for the shape of the covariance; every few of them gain a digit."""


def covariance_of_noise(samples: Tensor) -> Tensor:
    """Return the covariance `Psi = E[n n^H]` of the channels in a scan without excitation (Pruessmann et al. 2001).

    Parameters
    ----------
    samples
        complex `(coils, samples)`.

    Returns
    -------
    Tensor
        complex `(coils, coils)`; the real and the imaginary part of channel i each have half the i-th diagonal.

    Raises
    ------
    InputError
        If there are fewer samples than coils, or a channel is silent (see `without_silent_channels`).
    """
    coils, count = samples.shape
    if count < coils:
        raise InputError(
            f"the noise scan has {count} samples, fewer than its {coils} coils; leave out the prewhitening "
            "(--preprocess none)"
        )
    if not samples.abs().amax(dim=1).all():
        raise InputError("the noise scan has a channel without any signal")
    return samples @ samples.mH / count


def without_silent_channels(acquisition: Acquisition) -> Acquisition:
    """Leave out, with a warning, the channels that received nothing: neither can be whitened nor helps the image.

    A channel is silent if it has hardly any noise in the noise scan or, without a noise scan, if its k-space is zero.

    Parameters
    ----------
    acquisition
        One slice or volume, k-space `(..., coils, readout, phase)`.

    Raises
    ------
    InputError
        If all channels are silent.
    """
    kspace, calibration, noise = acquisition.kspace, acquisition.calibration, acquisition.noise
    if noise is None:
        heard = kspace.movedim(-3, 0).flatten(1).any(dim=1)
    else:
        loudness = noise.abs().amax(dim=1)
        heard = loudness > SILENT * loudness.max()
    if len(heard) != acquisition.coils or heard.all():
        return acquisition
    where = "k-space" if noise is None else "noise scan"
    if not heard.any():
        raise InputError(f"{acquisition.name}: the {where} is silent in all channels; leave out the prewhitening")
    silent = ", ".join(map(str, (~heard).nonzero().flatten().tolist()))
    warn_of_input(f"{acquisition.name}: the {where} is silent in channel {silent}, which is left out of the image")
    return replace(
        acquisition,
        kspace=kspace[..., heard, :, :],
        calibration=None if calibration is None else calibration[..., heard, :, :],
        noise=None if noise is None else noise[heard],
    )


def noise_covariance(acquisition: Acquisition) -> Tensor:
    """Return the covariance of the channels: from the noise scan, or without one from the air beside the object.

    In the air each sample counts only by its direction among the channels (Tyler 1987, for complex numbers), and the
    median sets the scale, so that a few samples with signal do no harm.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        complex64 `(coils, coils)`, in the convention of `covariance_of_noise`.

    Raises
    ------
    InputError
        If the noise scan is unusable, or there is none and k-space holds too little noise without signal.
    """
    if acquisition.noise is not None:
        return covariance_of_noise(acquisition.noise)
    samples = air_samples(acquisition.kspace, acquisition.mask)
    coils, count = samples.shape
    if count < 4 * coils or not samples.abs().amax(dim=1).all():
        raise InputError(
            f"{acquisition.name}: k-space holds too few samples without signal to tell the noise of {coils} coils; "
            "use a noise scan"
        )
    from scipy.special import gammaincinv  # noqa: PLC0415 - takes a tenth of a second to import

    scale = samples.abs().square().mean(dim=1).sqrt()
    samples = samples / scale[:, None]
    covariance = torch.eye(coils, dtype=samples.dtype, device=samples.device)
    for _ in range(SWEEPS):
        directions = samples / _mahalanobis(samples, covariance).sqrt()
        covariance = directions @ directions.mH * (coils / count)
    # n^H Psi^-1 n of complex normal noise has a gamma distribution of unit scale.
    covariance = covariance * (_mahalanobis(samples, covariance).median() / float(gammaincinv(coils, 0.5)))
    return scale[:, None] * covariance * scale


def noise_variance(acquisition: Acquisition) -> Tensor:
    """Return the variance of each channel's noise: from the noise scan if there is one, else from the air.

    Parameters
    ----------
    acquisition
        One slice, k-space `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        real `(coils,)`: variance of real and imaginary part together, zero where no noise can be found.
    """
    if acquisition.noise is not None:
        return acquisition.noise.abs().square().mean(dim=1)
    return air_variance(acquisition.kspace, acquisition.mask)


def air_variance(kspace: Tensor, mask: Tensor) -> Tensor:
    """Estimate the variance of each channel's noise from the air beside the object, see `air_samples`.

    Parameters
    ----------
    kspace
        complex `(..., coils, readout, phase)`.
    mask
        bool `(phase,)` or `(..., 1 or readout, phase)`.

    Returns
    -------
    Tensor
        real `(..., coils)`: variance of real and imaginary part together, zero where nothing was measured.
    """
    slices = kspace.reshape(-1, *kspace.shape[-3:])
    rows = mask[None] if mask.ndim == 1 else mask
    masks = rows.reshape(-1, *rows.shape[-2:]).expand(len(slices), -1, -1)
    return air_power(slices, masks).reshape(kspace.shape[:-2])


def whitening_matrix(covariance: Tensor) -> Tensor:
    """Return the lower triangular `W` with `W Psi W^H = I` (Pruessmann et al. 2001).

    Raises
    ------
    InputError
        If the covariance has no inverse.
    """
    lower, failed = torch.linalg.cholesky_ex(covariance)
    independent = lower.diagonal().abs().square() > LEAST_INDEPENDENT * covariance.diagonal().abs()
    if failed or not independent.all():
        raise InputError("the noise covariance is not positive definite: a channel is silent or twice another one")
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.solve_triangular(lower, identity, upper=False)


def prewhiten(acquisition: Acquisition, covariance: Tensor) -> Acquisition:
    """Replace the channels by as many with independent noise of unit variance.

    Their root sum of squares is a different image, in units of the noise. The old target does not fit it, so the
    result has no target.

    Parameters
    ----------
    acquisition
        One slice or volume, k-space `(..., coils, readout, phase)`.
    covariance
        complex `(coils, coils)`.

    Raises
    ------
    InputError
        If the covariance has no inverse or is that of another number of coils.
    """
    if len(covariance) != acquisition.coils:
        raise InputError(
            f"{acquisition.name}: the noise covariance of {len(covariance)} coils does not fit "
            f"{acquisition.coils} coils"
        )
    whitening = whitening_matrix(covariance).to(acquisition.kspace)
    calibration = acquisition.calibration
    return replace(
        acquisition,
        kspace=mix_coils(whitening, acquisition.kspace),
        calibration=None if calibration is None else mix_coils(whitening, calibration),
        target=None,
        noise=None,
    )


def mix_coils(matrix: Tensor, kspace: Tensor) -> Tensor:
    """Multiply the coil axis of `(..., coils, readout, phase)` by `(others, coils)`."""
    return torch.einsum("oc,...crp->...orp", matrix, kspace)


def _mahalanobis(samples: Tensor, covariance: Tensor) -> Tensor:
    """Return `n^H Psi^-1 n` for every sample, `(samples,)`."""
    return (samples.conj() * torch.linalg.solve(covariance, samples)).sum(dim=0).real
