"""What training minimises."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW = 7
K1, K2 = 0.01, 0.03

LEAST_ERROR = 1e-8
"""Mean square errors below this, 80 dB, count as this: a black slice has none."""


def ssim_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """One minus the mean structural similarity (Wang et al. 2004, eq. 13), as fastMRI trains with.

    The window is a uniform one of 7x7 pixels, variances are unbiased.

    Parameters
    ----------
    images, targets
        real `(batch, rows, columns)`.
    data_range
        real `(batch,)`: the largest value that a target can have; images are compared in units of it.

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
    """Mean absolute difference in units of the largest value that a target can have; shapes as for `ssim_loss`."""
    return ((images - targets).abs() / _unit(data_range)).mean()


def psnr_loss(images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Minus the peak signal-to-noise ratio in dB, which counts a clean slice as much as a noisy one.

    Shapes as for `ssim_loss`; the mean over the batch.
    """
    errors = ((images - targets) / _unit(data_range)).square().mean((-2, -1))
    return 10 * torch.log10(errors.clamp(min=LEAST_ERROR)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"ssim": ssim_loss, "l1": l1_loss, "psnr": psnr_loss}


def weighted_loss(weights: Mapping[str, float], images: Tensor, targets: Tensor, data_range: Tensor) -> Tensor:
    """Sum several of `LOSSES`, each times its weight; shapes as for `ssim_loss`."""
    return torch.stack([weight * LOSSES[name](images, targets, data_range) for name, weight in weights.items()]).sum()


def kspace_loss(predicted: Tensor, measured: Tensor, mask: Tensor) -> Tensor:
    """Relative error of k-space, as a sum of those in the 2-norm and the 1-norm (Yaman et al. 2020).

    Parameters
    ----------
    predicted, measured
        complex `(batch, coils, readout, phase)`.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`: the samples that count.

    Returns
    -------
    Tensor
        Scalar: the mean over the batch; two for a prediction of zeros, zero if no sample counts.
    """
    difference, reference = (_parts(torch.where(mask, kspace, 0)) for kspace in (predicted - measured, measured))
    return (_relative(difference, reference, order=2) + _relative(difference, reference, order=1)).mean()


def _parts(kspace: Tensor) -> Tensor:
    """Real and imaginary parts of complex `(batch, ...)` in a row: `(batch, values)`."""
    return torch.view_as_real(kspace).flatten(1)


def _relative(difference: Tensor, reference: Tensor, order: int) -> Tensor:
    size = torch.linalg.vector_norm(reference, order, dim=-1)
    return torch.linalg.vector_norm(difference, order, dim=-1) / torch.where(size > 0, size, 1)


def _unit(data_range: Tensor) -> Tensor:
    return torch.where(data_range > 0, data_range, 1)[:, None, None]


def _window_mean(images: Tensor) -> Tensor:
    return avg_pool2d(images.unsqueeze(1), WINDOW, stride=1)
