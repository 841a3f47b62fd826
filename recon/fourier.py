"""Centred orthonormal Fourier transforms on complex tensors: DC lies at index `N // 2` in both domains."""

from collections.abc import Sequence

import torch
from torch import Tensor

IMAGE_AXES = (-2, -1)


def fft(image: Tensor, axes: Sequence[int] = IMAGE_AXES) -> Tensor:
    """Transform an image to k-space; unitary.

    Parameters
    ----------
    image
        complex `(..., readout, phase)`.
    axes
        The axes to transform.
    """
    shifted = torch.fft.ifftshift(image, dim=axes)
    return torch.fft.fftshift(torch.fft.fftn(shifted, dim=axes, norm="ortho"), dim=axes)


def ifft(kspace: Tensor, axes: Sequence[int] = IMAGE_AXES) -> Tensor:
    """Transform k-space to an image: the inverse and the adjoint of `fft`.

    Parameters
    ----------
    kspace
        complex `(..., readout, phase)`.
    axes
        The axes to transform.
    """
    shifted = torch.fft.ifftshift(kspace, dim=axes)
    return torch.fft.fftshift(torch.fft.ifftn(shifted, dim=axes, norm="ortho"), dim=axes)


def hann(size: int) -> Tensor:
    """Return the Hann window `(size,)` without the zeros at its ends; it keeps low-resolution images from ringing."""
    return torch.hann_window(size + 2, periodic=False)[1:-1]
