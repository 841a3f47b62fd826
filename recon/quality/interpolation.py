"""Finds the resolution at which an image was measured; scanners often interpolate by padding k-space with zeros."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recon.crop import center_crop, center_pad
from recon.fourier import fft, ifft

DROP = 8.0
"""Ratio of the power on either side of the edge of what was measured; natural spectra fall more slowly."""

SMALLEST = 0.25
"""Smallest share of an axis that may have been measured."""

LARGEST = 0.95
"""Measured share of an axis beyond which it counts as measured in full."""


def measured_size(image: Tensor) -> tuple[int, int]:
    """Return the size at which an image was measured: where its power drops along each axis of k-space.

    The magnitude of noise is not limited to the measured part of k-space, so an image of little but air counts as
    measured in full.

    Parameters
    ----------
    image
        real `(rows, columns)`.
    """
    rows, columns = (_measured_along(image if axis == 0 else image.T) for axis in (0, 1))
    return rows, columns


def resample(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring an image to another size over the same field of view, by cropping or padding its k-space.

    Parameters
    ----------
    image
        real `(rows, columns)`.
    size
        Size of the new image, along both axes no larger or along both no smaller.
    """
    kspace = fft(image.to(torch.complex64))
    smaller = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    changed = center_crop(kspace, size) if smaller else center_pad(kspace, size)
    return ifft(changed).real * math.sqrt(size[0] * size[1] / image.numel())


def _measured_along(image: Tensor) -> int:
    """Return the measured number of samples along the first axis."""
    size = len(image)
    power = torch.fft.fft(image, dim=0).abs().square().mean(1)
    level = (power[: size // 2 + 1].clamp(min=torch.finfo(power.dtype).tiny)).log()  # of -k as of k
    width = max(2, size // 64)
    cuts = range(max(width, int(SMALLEST * size / 2)), int(LARGEST * size / 2) - width)
    drops = {cut: float(level[cut - width : cut].mean() - level[cut + 1 : cut + 1 + width].mean()) for cut in cuts}
    best = max(drops, key=drops.__getitem__, default=0)
    return 2 * best if drops and drops[best] > math.log(DROP) else size
