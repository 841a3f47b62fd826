"""Recovers what was measured from images that a network has enlarged."""

import math
from collections.abc import Sequence

from torch import Tensor

from recon.crop import center_crop
from recon.fourier import fft


def measured_kspace(images: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the middle `shape` of the k-space of images, in the units of images of that size: the measured samples.

    For images that `Sharp` has enlarged from the size `shape`, it equals the k-space of the images before.
    """
    return center_crop(fft(images), shape) * math.sqrt(math.prod(shape) / math.prod(images.shape[-2:]))
