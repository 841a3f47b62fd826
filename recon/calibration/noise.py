"""Noise of the receive channels: how strong, how correlated, and how to make it white."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError

EDGE = 0.05
"""Share of the readout, at either end, where k-space is taken to hold next to no signal."""

SWEEPS = 30
"""Of the fixed-point iteration for the shape of the covariance, which gains a digit every few."""


def covariance_of_noise(samples: Tensor) -> Tensor:
    """Covariance `Psi = E[n n^H]` of the channels from a scan without excitation (Pruessmann et al. 2001).

    Parameters
    ----------
    samples
        complex `(coils, samples)`.

    Returns
    -------
    Tensor
        complex `(coils, coils)`; real and imaginary part of channel i have half its i-th diagonal each.

    Raises
    ------
    InputError
        If there are fewer samples than coils, or a channel is silent.
    """
    coils, count = samples.shape
    if count < coils:
        raise InputError(f"the noise scan has {count} samples, fewer than its {coils} coils")
    if not samples.abs().amax(dim=1).all():
        raise InputError("the noise scan has a channel without any signal")
    return samples @ samples.mH / count


def edge_covariance(acquisition: Acquisition) -> Tensor:
    """Covariance of the channels from the ends of the readout, where signal is rare.

    What signal there is would spoil a mean. Each sample therefore counts by its direction among the channels only
    (Tyler 1987, for complex numbers), and the scale is set by the median.

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
        If the ends of the readout are empty, as after zero filling by the scanner.
    """
    samples = _edge(acquisition.kspace, acquisition.mask)
    coils, count = samples.shape
    if count < 4 * coils or not samples.abs().amax(dim=1).all():
        raise InputError(
            f"{acquisition.name}: the ends of the readout hold too few samples to tell the noise of {coils} coils; "
            "use a noise scan"
        )
    scale = samples.abs().square().mean(dim=1).sqrt()
    samples = samples / scale[:, None]
    covariance = torch.eye(coils, dtype=samples.dtype, device=samples.device)
    for _ in range(SWEEPS):
        directions = samples / _mahalanobis(samples, covariance).sqrt()
        covariance = directions @ directions.mH * (coils / count)
    covariance = covariance * (_mahalanobis(samples, covariance).median() / _median_of_gamma(coils))
    return scale[:, None] * covariance * scale


def edge_variance(kspace: Tensor, mask: Tensor) -> Tensor:
    """Variance of each channel's noise from the ends of the readout, by the median.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`.
    mask
        bool `(phase,)` or `(readout, phase)`.

    Returns
    -------
    Tensor
        real `(coils,)`: of real and imaginary part together; zero where the ends are empty.
    """
    samples = _edge(kspace, mask)
    if not samples.shape[1]:
        return kspace.real.new_zeros(len(kspace))
    return samples.abs().square().median(dim=1).values / math.log(2)


def whitening_matrix(covariance: Tensor) -> Tensor:
    """Find `W`, lower triangular, with `W Psi W^H = I` (Pruessmann et al. 2001).

    Raises
    ------
    InputError
        If the covariance has no inverse.
    """
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        raise InputError("the noise covariance is not positive definite: a channel is silent or twice another one")
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.solve_triangular(lower, identity, upper=False)


def prewhiten(acquisition: Acquisition, covariance: Tensor) -> Acquisition:
    """Replace the channels by as many with independent noise of unit variance.

    The root of their sum of squares is another image than that of the scanner's channels, in units of the noise.
    No target fits it: the result has none, and its reconstructions must not be scored against the old one.

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


def _edge(kspace: Tensor, mask: Tensor) -> Tensor:
    """Measured samples `(coils, samples)` of the outermost readout, without those that the scanner left at zero."""
    rows = max(2, round(EDGE * kspace.shape[-2]))
    ends = torch.cat([kspace[..., :rows, :], kspace[..., -rows:, :]], dim=-2)
    measured = mask if mask.ndim == 1 else torch.cat([mask[:rows], mask[-rows:]])
    return ends[:, measured & ends.any(dim=0)]


def _mahalanobis(samples: Tensor, covariance: Tensor) -> Tensor:
    """`n^H Psi^-1 n` for every sample `(samples,)`."""
    return (samples.conj() * torch.linalg.solve(covariance, samples)).sum(dim=0).real


def _median_of_gamma(shape: int) -> float:
    """Median of `n^H Psi^-1 n` over complex normal `n`: a gamma distribution of this shape and unit scale."""
    low, high = 0.0, 2.0 * shape + 1
    for _ in range(60):
        middle = (low + high) / 2
        below = torch.special.gammainc(torch.tensor(float(shape)), torch.tensor(middle)) < 0.5
        low, high = (middle, high) if below else (low, middle)
    return low
