"""Holds parts of an image with noise and without it, to train a denoiser on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class NoisyPatches(NamedTuple):
    """Parts of one image, or of a batch of images when its tensors carry a further first axis.

    Attributes
    ----------
    noisy, clean
        complex64 or float32 `(patches, rows, columns)`.
    sigma
        float32 `(patches, rows, columns)`: standard deviation of the noise; of complex images, that of the real part.
    """

    noisy: Tensor
    clean: Tensor
    sigma: Tensor

    def to(self, device: torch.device) -> NoisyPatches:
        """Move all tensors to a device."""
        return NoisyPatches(*(tensor.to(device, non_blocking=True) for tensor in self))
