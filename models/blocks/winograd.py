"""Convolves 3x3 with a quarter of the multiplications, and shrinks the result, layer after layer (Winograd).

`F(4x4, 3x3)` of Lavin & Gray (2016), `Y = A^T [(G g G^T) . (B^T d B)] A`: a tile of 4x4 pixels takes 36 products
instead of 144. The sums over the channels are 36 products of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor

LOOPS = "recon.models.blocks.winograd_loops"
"""Module of the compiled loops."""

TILE = 4
"""Side of a tile in pixels."""

KERNELS = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))
"""The matrix `G`, times 24."""


def winograd(
    loops: ModuleType, values: Tensor, weights: Sequence[Tensor], thresholds: Sequence[Tensor], levels: Tensor
) -> Tensor:
    """Apply layers of a 3x3 convolution, zero beyond the border, and a soft shrinkage.

    Parameters
    ----------
    loops
        Module of the compiled loops.
    values
        float32 `(batch, channels, rows, columns)`; the number of channels is that of the loops.
    weights
        Kernels of the layers, `(channels, channels, 3, 3)`.
    thresholds
        Thresholds of the layers, `(channels,)`.
    levels
        float32 `(batch or 1, 1, rows, columns)` or `(batch or 1, 1, 1, 1)`, with which thresholds are multiplied.

    Returns
    -------
    Tensor
        float32 `(batch, channels, rows, columns)`.
    """
    kernels = [_transformed(weight) for weight in weights]
    limits = [threshold.contiguous() for threshold in thresholds]
    each = levels[:, 0].expand(len(values), -1, -1).contiguous()
    return torch.stack(
        [_one(loops, image, kernels, limits, level) for image, level in zip(values, each, strict=True)]
    )


def _one(
    loops: ModuleType, values: Tensor, kernels: Sequence[Tensor], thresholds: Sequence[Tensor], levels: Tensor
) -> Tensor:
    """Treat one image `(channels, rows, columns)`."""
    channels, rows, columns = values.shape
    down, across = -(-rows // TILE), -(-columns // TILE)
    image, other = (values.new_zeros(TILE * down + 2, TILE * across + 2, channels) for _ in range(2))
    image[1 : rows + 1, 1 : columns + 1] = values.permute(1, 2, 0)
    tiles, products = (values.new_zeros(36, loops.BLOCK, channels) for _ in range(2))
    for kernel, threshold in zip(kernels, thresholds, strict=True):
        for first in range(0, down * across, loops.BLOCK):
            count = min(loops.BLOCK, down * across - first)
            loops.split(image, first, across, count, tiles)
            torch.bmm(tiles, kernel, out=products)
            loops.join(products, first, across, count, threshold, levels, (rows, columns), other)
        image, other = other, image
    return image[1 : rows + 1, 1 : columns + 1].permute(2, 0, 1)


def _transformed(weight: Tensor) -> Tensor:
    """Return `G g G^T`, `(36, in, out)`, of a kernel `(out, in, 3, 3)`."""
    matrix = weight.new_tensor(KERNELS) / 24
    return torch.einsum("ir,ocrs,js->ijco", matrix, weight, matrix).flatten(0, 1).contiguous()
