"""Shrinks coefficients towards zero, with a threshold for each channel.

Coefficients are channels last in memory. Rows of pixels are taken as lines of `columns * channels` values, because
the innermost loop of torch would otherwise run over the few channels of one pixel, ten times slower.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK = 2**16
"""Number of values, about, that are shrunk at once and so stay in the cache."""


def soft_shrink(values: Tensor, thresholds: Tensor, levels: Tensor) -> Tensor:
    """Return `sign(v) max(|v| - t, 0)` with `t = threshold of the channel times level of the pixel`.

    Parameters
    ----------
    values
        real `(batch, channels, rows, columns)`, channels last in memory; overwritten where no gradient is recorded.
    thresholds
        real `(channels,)`, not negative.
    levels
        real `(batch or 1, 1, rows, columns)` or `(batch or 1, 1, 1, 1)`, not negative.
    """
    if torch.is_grad_enabled() and (values.requires_grad or thresholds.requires_grad):
        shrunk: Tensor = _SoftShrink.apply(values, thresholds, levels)  # type: ignore[no-untyped-call]
        return shrunk
    lines, pixels = _lines(values), levels.expand(len(values), -1, -1, -1)
    rows = max(BLOCK // lines.shape[-1], 1)
    for image, level in zip(lines, pixels, strict=True):
        for first in range(0, len(image), rows):
            part = image[first : first + rows]
            limits = _limits(level if level.shape[-2] == 1 else level[:, first : first + rows], thresholds, values)
            part.sub_(part.clamp(-limits, limits))
    return values


class _SoftShrink(torch.autograd.Function):
    """Keep only the result for the backward pass: it is zero where no gradient passes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, thresholds: Tensor, levels: Tensor) -> Tensor:
        lines, limits = _lines(values), _limits(levels, thresholds, values)
        shrunk = _pixels(lines - lines.clamp(-limits, limits), values)
        ctx.save_for_backward(shrunk, levels)
        return shrunk

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return `dL/dv = g where |v| > t` and `dL/dt = -sum(g sign(v) level)` there."""
        shrunk, levels = ctx.saved_tensors
        signs = _lines(shrunk).sign()
        inside = _lines(gradients[0].contiguous(memory_format=torch.channels_last)) * signs
        batch, channels, rows, columns = shrunk.shape
        pixels = levels.expand(batch, 1, rows, columns).reshape(1, -1).to(inside)
        slope = -(pixels @ inside.reshape(-1, channels)).squeeze(0)
        return _pixels(inside.mul_(signs), shrunk), slope, None


def _lines(values: Tensor) -> Tensor:
    """View `(batch, channels, rows, columns)`, channels last in memory, as `(batch, rows, columns * channels)`."""
    batch, channels, rows, columns = values.shape
    return values.permute(0, 2, 3, 1).view(batch, rows, columns * channels)


def _pixels(lines: Tensor, like: Tensor) -> Tensor:
    """Undo `_lines`."""
    batch, channels, rows, columns = like.shape
    return lines.view(batch, rows, columns, channels).permute(0, 3, 1, 2)


def _limits(levels: Tensor, thresholds: Tensor, like: Tensor) -> Tensor:
    """Return the thresholds of lines, `(..., rows or 1, columns * channels)`, at levels `(..., 1, rows or 1, ..)`."""
    shape = (*levels.shape[:-3], levels.shape[-2], like.shape[-1], len(thresholds))
    return (levels.squeeze(-3).unsqueeze(-1) * thresholds).expand(shape).flatten(-2)
