"""Losses that training minimises."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW = 7
"""Side of the window of SSIM, in pixels."""

K1, K2 = 0.01, 0.03
"""Constants of SSIM (Wang et al. 2004)."""

SCALES = (1, 2, 4)
"""Widths of the means, in pixels, whose differences are the details of `wavelet_loss`."""

FINE, RINGS = 0.35, 4
"""Distance from the centre of k-space, relative to its side, where fine detail begins, and number of its rings."""

LEAST_ERROR = 1e-8
"""Smallest mean square error that counts, 80 dB; without it the loss of a black slice would be infinite."""


def ssim_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return one minus the mean structural similarity (Wang et al. 2004, eq. 13), fastMRI's training loss.

    The window is uniform, of 7x7 pixels, and variances are unbiased.

    Parameters
    ----------
    images, targets
        real `(batch, rows, columns)`.
    data_range
        real `(batch,)`: largest possible value of each target, the unit in which images are compared.

    Returns
    -------
    Tensor
        Scalar from 0, for equal images, to 2.
    """
    unit = _unit(data_range)
    x, y = images / unit, targets / unit
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    variance_x = unbiased * (_window_mean(x * x) - mean_x**2)
    variance_y = unbiased * (_window_mean(y * y) - mean_y**2)
    covariance = unbiased * (_window_mean(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * covariance + K2**2) / (variance_x + variance_y + K2**2)
    return 1 - (luminance * structure).mean()


def l1_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return the mean absolute difference in units of `data_range`; shapes as for `ssim_loss`."""
    return ((images - targets).abs() / _unit(data_range)).mean()


def psnr_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return minus the peak signal-to-noise ratio in dB, averaged over the batch; shapes as for `ssim_loss`.

    In decibels, a clean slice weighs as much as a noisy one.
    """
    errors = ((images - targets) / _unit(data_range)).square().mean((-2, -1))
    return 10 * torch.log10(errors.clamp(min=LEAST_ERROR)).mean()


def wavelet_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return the mean absolute difference of Haar details at three scales; shapes as for `ssim_loss`.

    Details are differences of neighbouring means over 1, 2 and 4 pixels along rows, columns and both, at every
    position. A reconstruction that is too smooth errs in them, while errors of brightness hardly count.
    """
    error = ((images - targets) / _unit(data_range)).unsqueeze(1)
    return torch.stack([_details(error, scale).abs().mean() for scale in SCALES]).sum()


def detail_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return by how much the energy of fine detail differs from the target's, in decibels; shapes as for `ssim_loss`.

    Means over squares of the error reward smooth images. This compares the energies of the images in rings of k-space
    beyond `FINE` of it, so that an image with as much detail as the target costs nothing, and needs another loss
    beside it to have the right one.
    """
    ours, theirs = (_ring_energies(values / _unit(data_range)) for values in (images, targets))
    faintest = LEAST_ERROR
    return (10 * torch.log10((ours + faintest) / (theirs + faintest))).abs().mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "ssim": ssim_loss,
    "l1": l1_loss,
    "psnr": psnr_loss,
    "wavelet": wavelet_loss,
    "detail": detail_loss,
}


def weighted_loss(weights: Mapping[str, float], images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Return the weighted sum of several of `LOSSES`, whose names are the keys; shapes as for `ssim_loss`."""
    return torch.stack([weight * LOSSES[name](images, targets, data_range) for name, weight in weights.items()]).sum()


def kspace_loss(predicted: Tensor, measured: Tensor, mask: Tensor) -> Tensor:
    """Return the relative k-space error in the 2-norm plus that in the 1-norm (Yaman et al. 2020).

    Parameters
    ----------
    predicted, measured
        complex `(batch, coils, readout, phase)`.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`: samples to compare.

    Returns
    -------
    Tensor
        Scalar, the mean over the batch: 2 for a prediction of zeros, 0 if there is nothing to compare.
    """
    difference, reference = (_parts(torch.where(mask, kspace, 0)) for kspace in (predicted - measured, measured))
    return (_relative(difference, reference, order=2) + _relative(difference, reference, order=1)).mean()


def _parts(kspace: Tensor) -> Tensor:
    """Flatten complex `(batch, ...)` to real and imaginary parts `(batch, values)`."""
    return torch.view_as_real(kspace).flatten(1)


def _relative(difference: Tensor, reference: Tensor, order: int) -> Tensor:
    size = torch.linalg.vector_norm(reference, order, dim=-1)
    return torch.linalg.vector_norm(difference, order, dim=-1) / torch.where(size > 0, size, 1)


def _unit(data_range: Tensor) -> Tensor:
    return torch.where(data_range > 0, data_range, 1)[:, None, None]


def _window_mean(images: Tensor) -> Tensor:
    return avg_pool2d(images.unsqueeze(1), WINDOW, stride=1)


def _details(images: Tensor, scale: int) -> Tensor:
    """Return Haar details at every position, real `(batch, 3, rows, columns)`, of `(batch, 1, rows, columns)`."""
    means = avg_pool2d(images, scale, stride=1)
    first, second = means[..., scale:, :], means[..., :-scale, :]
    columns = slice(None, -scale), slice(scale, None)
    corners = [half[..., part] for half in (first, second) for part in columns]
    signs = ((1, 1, -1, -1), (1, -1, 1, -1), (1, -1, -1, 1))
    kinds = [sum(sign * corner for sign, corner in zip(row, corners, strict=True)) for row in signs]
    return torch.cat([torch.as_tensor(kind) / 4 for kind in kinds], dim=1)


def _ring_energies(images: Tensor) -> Tensor:
    """Return the mean energy in each ring of fine detail, `(batch, rings)`, of real `(batch, rows, columns)`."""
    energy = torch.fft.rfft2(images, norm="ortho").abs().square()
    down = torch.fft.fftfreq(images.shape[-2], device=images.device)[:, None]
    radius = torch.hypot(down, torch.fft.rfftfreq(images.shape[-1], device=images.device)[None, :])
    edges = torch.linspace(FINE, math.sqrt(0.5), RINGS + 1, device=images.device)
    rings = [(radius >= lower) & (radius < upper) for lower, upper in pairwise(edges)]
    return torch.stack([(energy * ring).sum((-2, -1)) / ring.sum().clamp(min=1) for ring in rings], dim=-1)
