"""The denoising network of AiCE: shrinkage of local cosine coefficients, thresholds in units of the noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d

from recon.kernels import kernels
from recon.models.blocks.shrinkage import soft_shrink
from recon.models.blocks.winograd import LOOPS, winograd

WINDOW = 7
"""Side of the windows of the cosine transform, in pixels."""

FREQUENCIES = WINDOW**2
"""Number of filters of the transform; the first is that of the zero frequency."""

FIRST_THRESHOLD, LATER_THRESHOLDS = 0.5, 0.05
"""Thresholds before training, in units of the noise. Their sum, 1.6, suits the shrinkage of cosines alone."""

MIXING = 0.001
"""Standard deviation of the weights before training, about the identity; the changes of 22 layers add up."""


class Dlr(nn.Module):
    """Denoise by shrinking local cosine coefficients, layer after layer (Isogawa et al. 2018; Kidoh et al. 2020).

    The image goes through the discrete cosine transform of all windows of 7x7 pixels, 49 fixed filters. The zero
    frequency bypasses the network. The 48 others are shrunk, `s(c, t) = sign(c) max(|c| - t, 0)` with `t = a_0 sigma`
    for each channel, then go through `layers` times a 3x3 convolution from 48 to 48 channels and `s(c, a_l sigma)`,
    and return with the zero frequency through the transposed transform, the mean over all windows that cover a pixel.

    There is no bias and `a >= 0`, so the network scales with its input, `f(c x, c sigma) = c f(x, sigma)`. A constant
    added to the image is added to the result. With 22 layers the network has 456,192 weights and 1,104 thresholds.
    Before training the convolutions change almost nothing. On a CPU they are computed by Winograd's algorithm, which
    takes half the time.

    In the papers `sigma` is one number for the image. We extend it to a map: the `sigma` of each coefficient is the
    root mean square of the map over its window. We also extend the network to complex images, whose real and
    imaginary parts are denoised as two images with the same weights.

    Parameters
    ----------
    layers
        Number of convolutions.
    """

    def __init__(self, layers: int = 22) -> None:
        super().__init__()
        channels = FREQUENCIES - 1
        self.weights = nn.ParameterList(_near_identity(channels) for _ in range(layers))
        values = [FIRST_THRESHOLD] + [LATER_THRESHOLDS] * layers
        self.thresholds = nn.ParameterList(torch.full((channels,), value) for value in values)

    def forward(self, images: Tensor, sigma: Tensor) -> Tensor:
        """Denoise images.

        Parameters
        ----------
        images
            real or complex `(batch, rows, columns)`.
        sigma
            real `(batch or 1, rows or 1, columns or 1)`: standard deviation of the noise; of complex images, that of
            its real part, which is that of its imaginary part.

        Returns
        -------
        Tensor
            of the type and shape of `images`.
        """
        if not images.is_complex():
            return self._denoise(images, sigma)
        parts = torch.cat([images.real, images.imag])
        denoised = self._denoise(parts, sigma if len(sigma) == 1 else torch.cat([sigma, sigma]))
        return torch.complex(*denoised.chunk(2))

    def _denoise(self, images: Tensor, sigma: Tensor) -> Tensor:
        cosines = cosine_filters().to(images)
        coefficients = conv2d(mirrored(images).unsqueeze(1), cosines)
        levels = _window_rms(sigma).unsqueeze(1)
        mean, details = coefficients[:, :1], coefficients[:, 1:]
        thresholds = [threshold.abs() for threshold in self.thresholds]
        details = soft_shrink(_channels_last(details), thresholds[0], levels)
        learns = torch.is_grad_enabled() and any(parameter.requires_grad for parameter in self.parameters())
        loops = None if learns or torch.is_autocast_enabled("cpu") else kernels(LOOPS, details, levels)
        if loops is not None:
            details = winograd(loops, details, list(self.weights), thresholds[1:], levels)
        else:
            for weight, threshold in zip(self.weights, thresholds[1:], strict=True):
                details = soft_shrink(_channels_last(conv2d(details, weight, padding=1)), threshold, levels)
        summed = conv_transpose2d(torch.cat([mean, details], dim=1), cosines, padding=WINDOW - 1)
        return summed.squeeze(1) / FREQUENCIES


def _near_identity(channels: int) -> Tensor:
    """Draw a 3x3 convolution that hardly changes its input."""
    weight = MIXING * torch.randn(channels, channels, 3, 3)
    weight[:, :, 1, 1] += torch.eye(channels)
    return weight


def _channels_last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last)


def cosine_filters() -> Tensor:
    """Return the orthonormal cosine transform of a window as filters, float64 `(49, 1, 7, 7)`, the mean first."""
    places = torch.arange(WINDOW, dtype=torch.float64)
    waves = torch.cos(math.pi / WINDOW * (places + 0.5) * places[:, None]) * math.sqrt(2 / WINDOW)
    waves[0] = math.sqrt(1 / WINDOW)
    return torch.einsum("ur,vc->uvrc", waves, waves).reshape(FREQUENCIES, 1, WINDOW, WINDOW)


def mirrored(images: Tensor) -> Tensor:
    """Extend `(batch, rows, columns)` by their mirror images, so that 49 windows cover each pixel."""
    rows, columns = (_mirrored_indices(size, images.device) for size in images.shape[-2:])
    return images[:, rows[:, None], columns]


def _mirrored_indices(size: int, device: torch.device) -> Tensor:
    places = torch.arange(1 - WINDOW, size + WINDOW - 1, device=device)
    period = max(2 * (size - 1), 1)
    return torch.minimum(places % period, -places % period)


def _window_rms(sigma: Tensor) -> Tensor:
    """Return the noise of the coefficients `(batch, rows + 6, columns + 6)`; an axis of length 1 keeps it."""
    if sigma.shape[-2:] == (1, 1):
        return sigma
    return avg_pool2d(mirrored(sigma.square()), WINDOW, stride=1).sqrt()
