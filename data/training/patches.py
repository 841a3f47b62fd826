"""Holds images or parts of them with noise and without it, to train a denoiser or an enlarger on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class NoisyPatches(NamedTuple):
    """Parts of one image, or of a batch of images when its tensors carry a further first axis.

    Attributes
    ----------
    noisy, clean
        complex64 or float32 `(patches, rows, columns)`; for an enlarger `clean` has more rows and columns.
    sigma
        float32 of the shape of `noisy`: standard deviation of the noise; of complex images, that of the real part.
    """

    noisy: Tensor
    clean: Tensor
    sigma: Tensor

    def to(self, device: torch.device) -> NoisyPatches:
        """Move all tensors to a device."""
        return NoisyPatches(*(tensor.to(device, non_blocking=True) for tensor in self))
