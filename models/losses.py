"""What training minimises."""

from torch import Tensor, where
from torch.nn.functional import avg_pool2d

WINDOW = 7
K1, K2 = 0.01, 0.03


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
    unit = where(data_range > 0, data_range, 1)[:, None, None]
    x, y = images / unit, targets / unit
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    variance_x = unbiased * (_window_mean(x * x) - mean_x**2)
    variance_y = unbiased * (_window_mean(y * y) - mean_y**2)
    covariance = unbiased * (_window_mean(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * covariance + K2**2) / (variance_x + variance_y + K2**2)
    return 1 - (luminance * structure).mean()


def _window_mean(images: Tensor) -> Tensor:
    return avg_pool2d(images.unsqueeze(1), WINDOW, stride=1)
