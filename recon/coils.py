"""Combines coil images to one image, and expands one image to its coil images."""

import torch
from torch import Tensor

from recon.blocking import in_blocks

COIL_AXIS = -3


def rss(coil_images: Tensor) -> Tensor:
    """Return the root sum of squares over coils, by which fastMRI's targets are defined.

    Parameters
    ----------
    coil_images
        real or complex `(..., coils, readout, phase)`.

    Returns
    -------
    Tensor
        real `(..., readout, phase)`.
    """
    with_gradient = coil_images.requires_grad and torch.is_grad_enabled()
    if not coil_images.is_complex() or not (in_blocks(coil_images) or with_gradient):
        return torch.linalg.vector_norm(coil_images, dim=COIL_AXIS)
    # On a CPU many times faster than torch's norm, on a GPU more kernels; the square root's slope is infinite at zero
    # and would make gradients NaN.
    power = torch.view_as_real(coil_images).square().sum(COIL_AXIS - 1).sum(-1)
    return torch.where(power == 0, 1, power).sqrt() * (power != 0)


def divide_by_rss(coil_images: Tensor) -> Tensor:
    """Divide coil images `(..., coils, readout, phase)` by their root sum of squares; zero where that is zero."""
    magnitude = rss(coil_images).unsqueeze(COIL_AXIS)
    return coil_images * torch.where(magnitude > 0, magnitude, 1).reciprocal()


def power_of_two(values: Tensor) -> Tensor:
    """Return the largest power of two up to each value, by which a division rounds nothing.

    It is 1 for values that are zero or subnormal.

    Parameters
    ----------
    values
        real `(...)`, not negative.
    """
    mantissas, _ = torch.frexp(values)
    return torch.where(values > torch.finfo(values.dtype).tiny, values / (2 * mantissas), 1)


def coil_expand(image: Tensor, sens_maps: Tensor) -> Tensor:
    """Apply `S`: one image `(..., readout, phase)` to coil images `(..., coils, readout, phase)`."""
    return image.unsqueeze(COIL_AXIS) * sens_maps


def coil_combine(coil_images: Tensor, sens_maps: Tensor) -> Tensor:
    """Apply `S^H`, the adjoint of `coil_expand`: `(..., coils, readout, phase)` to `(..., readout, phase)`."""
    return (sens_maps.conj() * coil_images).sum(COIL_AXIS)
