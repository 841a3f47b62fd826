"""A convolution of many channels that does not need its weights three times over."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

LARGEST_PART = 2**26
"""Bytes of weights that are laid out anew at once."""


class Convolution(nn.Conv2d):
    """A convolution without bias, which in inference on a CPU goes through large weights in parts.

    There torch copies the weights twice in every call, into the order in which they are worked with. Channels that
    come out do not depend on each other, so they can be made one part after the other.
    """

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, in_chans, height, width)` to `(batch, out_chans, height, width)`."""
        parts = -(-self.weight.nbytes // LARGEST_PART)
        if parts == 1 or torch.is_grad_enabled() or features.device.type != "cpu":
            return super().forward(features)
        weights = self.weight.chunk(parts)
        return torch.cat([conv2d(features, part, padding=self.padding) for part in weights], dim=1)
