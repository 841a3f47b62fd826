"""Windows that keep low-resolution images from ringing."""

import torch
from torch import Tensor


def hann(size: int) -> Tensor:
    """Give the Hann window, `(size,)`, without the zeros at its ends."""
    return torch.hann_window(size + 2, periodic=False)[1:-1]
