"""The super-resolution network: an unrolled complex network that predicts the outer k-space of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad, pixel_shuffle, pixel_unshuffle, relu

from recon.crop import center_pad
from recon.fourier import fft, hann, ifft

POLYPHASE = 2
"""Factor by which features are coarser than the image along each axis; the pixels of each cell become channels."""

COMPLEX = 2 * POLYPHASE**2
"""Number of channels of a complex image whose pixels became channels."""

INNER_SCALE, LAST_SCALE = 0.1, 0.01
"""Factors of the initial weights in the last convolution of each block and of each cascade; small, so that an
untrained network hardly changes images."""


class Sharp(nn.Module):
    """Enlarge an image by predicting the k-space around the measured one, which does not change.

    The image, `x_0`, is enlarged by zeros around its k-space `y`. Each cascade refines it, and puts the measured
    samples back:

    `x <- D(x + R(x, x_0, sigma))` with `F D(x) = y` inside the measured rectangle and `F x` outside,

    so the network changes nothing that was measured: `F x = y` holds there to the precision of float32. The smooth
    part of the phase, that of the image at low resolution, is removed before `R` and restored after it, so that most
    of the signal is real and a constant phase of the image reappears in the result. `R` is a residual network of
    convolutions (Lim et al. 2017) at half the resolution, with the four pixels of each cell as channels (Shi et al.
    2016). It sees the standard deviation `sigma` of the noise in each pixel (Zhang et al. 2018). There are no biases,
    so that it scales with its input, `f(c x, c sigma) = c f(x, sigma)` for `c > 0` (Mohan et al. 2020). Hard
    consistency after every cascade is that of Schlemper et al. 2018.

    Parameters
    ----------
    num_cascades
        Number of refinements.
    blocks
        Number of residual blocks of each, two 3x3 convolutions a block.
    chans
        Number of channels.
    """

    def __init__(self, num_cascades: int = 4, blocks: int = 4, chans: int = 48) -> None:
        super().__init__()
        self.cascades = nn.ModuleList(Refinement(blocks, chans) for _ in range(num_cascades))

    def forward(self, images: Tensor, sigma: Tensor, size: tuple[int, int]) -> Tensor:
        """Enlarge images.

        Parameters
        ----------
        images
            complex `(batch, rows, columns)`.
        sigma
            real `(batch or 1, rows or 1, columns or 1)`: standard deviation of the real part of the noise.
        size
            Size of the enlarged images, at least that of `images`.

        Returns
        -------
        Tensor
            complex `(batch, *size)`, of the same brightness.
        """
        measured, shape = enlarged_kspace(images, size), images.shape[-2:]
        levels = interpolate(sigma.unsqueeze(1), size).expand(len(images), 1, *size)
        carrier = smooth_phase(images, size)
        start = refined = ifft(measured)
        for cascade in self.cascades:
            change = cascade(refined * carrier.conj(), start * carrier.conj(), levels)
            refined = ifft(consistent(fft(refined + change * carrier), measured, shape))
        return refined


class Refinement(nn.Module):
    """The residual network `R(x, x_0, sigma)` of a cascade, without biases."""

    def __init__(self, blocks: int, chans: int) -> None:
        super().__init__()
        self.first = convolution_weight(2 * COMPLEX + POLYPHASE**2, chans)
        self.inner = nn.ParameterList(
            weight
            for _ in range(blocks)
            for weight in (convolution_weight(chans, chans), convolution_weight(chans, chans, scale=INNER_SCALE))
        )
        self.last = convolution_weight(chans, COMPLEX, scale=LAST_SCALE)

    def forward(self, images: Tensor, start: Tensor, levels: Tensor) -> Tensor:
        """Return the change of complex images `(batch, rows, columns)`; levels are `(batch, 1, rows, columns)`."""
        rows, columns = images.shape[-2:]
        planes = torch.cat([parts(images), parts(start), levels], dim=1)
        planes = pad(planes, (0, columns % POLYPHASE, 0, rows % POLYPHASE), mode="replicate")
        cells = pixel_unshuffle(planes, POLYPHASE).contiguous(memory_format=torch.channels_last)
        features = conv2d(cells, self.first, padding=1)
        for before, behind in zip(self.inner[::2], self.inner[1::2], strict=True):
            features = features + conv2d(relu(conv2d(features, before, padding=1)), behind, padding=1)
        real, imaginary = pixel_shuffle(conv2d(features, self.last, padding=1), POLYPHASE).unbind(1)
        return torch.complex(real.float(), imaginary.float())[:, :rows, :columns]


def smooth_phase(images: Tensor, size: Sequence[int]) -> Tensor:
    """Return the phase factors `exp(i phi)` of images at low resolution, one in magnitude, on a larger matrix.

    Parameters
    ----------
    images
        complex `(..., rows, columns)`.
    size
        Size of the larger matrix.
    """
    rows, columns = (hann(length).to(images.device) for length in images.shape[-2:])
    smooth = ifft(center_pad(fft(images) * torch.outer(rows, columns), size))
    return torch.where(smooth == 0, 1, torch.sgn(smooth))


def enlarged_kspace(images: Tensor, size: Sequence[int]) -> Tensor:
    """Return the k-space of images surrounded by zeros, of a larger matrix and the same brightness.

    Parameters
    ----------
    images
        complex `(..., rows, columns)`.
    size
        Size of the larger matrix.
    """
    return center_pad(fft(images), size) * math.sqrt(math.prod(size) / math.prod(images.shape[-2:]))


def consistent(kspace: Tensor, measured: Tensor, shape: Sequence[int]) -> Tensor:
    """Put the measured samples back: `measured` in the middle of `shape`, `kspace` around it, both `(..., *size)`."""
    inside = center_pad(torch.ones(shape, dtype=torch.bool, device=kspace.device), kspace.shape[-2:])
    return torch.where(inside, measured, kspace)


def parts(images: Tensor) -> Tensor:
    """Return the real and imaginary part of complex `(batch, rows, columns)` as `(batch, 2, rows, columns)`."""
    return torch.stack([images.real, images.imag], dim=1)


def convolution_weight(in_chans: int, out_chans: int, kernel: int = 3, scale: float = 1.0) -> nn.Parameter:
    """Draw the weights of a convolution that keeps the power of its input, times the square of a scale.

    Parameters
    ----------
    in_chans, out_chans
        Numbers of channels.
    kernel
        Side of the kernel, in pixels.
    scale
        Factor of the weights.
    """
    drawn = torch.randn(out_chans, in_chans, kernel, kernel)
    return nn.Parameter(scale * drawn / (kernel * math.sqrt(in_chans)))
