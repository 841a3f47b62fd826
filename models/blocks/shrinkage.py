"""Shrinks coefficients towards zero, with a threshold for each channel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def soft_shrink(values: Tensor, thresholds: Tensor, levels: Tensor) -> Tensor:
    """Return `sign(v) max(|v| - t, 0)` with `t = threshold of the channel times level of the pixel`.

    Parameters
    ----------
    values
        real `(batch, channels, rows, columns)`; without gradients they are overwritten by the result.
    thresholds
        real `(channels,)`, not negative.
    levels
        real `(batch or 1, 1, rows or 1, columns or 1)`, not negative.
    """
    if torch.is_grad_enabled() and (values.requires_grad or thresholds.requires_grad):
        shrunk: Tensor = _SoftShrink.apply(values, thresholds, levels)  # type: ignore[no-untyped-call]
        return shrunk
    limits = thresholds[:, None, None] * levels
    return values.sub_(values.clamp(-limits, limits))


class _SoftShrink(torch.autograd.Function):
    """Keep only the result for the backward pass: it is zero where no gradient passes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, thresholds: Tensor, levels: Tensor) -> Tensor:
        limits = thresholds[:, None, None] * levels
        shrunk = values - values.clamp(-limits, limits)
        ctx.save_for_backward(shrunk, levels)
        return shrunk

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return `dL/dv = g where |v| > t` and `dL/dt = -sum(g sign(v) level)` there."""
        shrunk, levels = ctx.saved_tensors
        signs = shrunk.sign()
        inside = gradients[0] * signs
        slope = -(inside * levels).sum((0, 2, 3))
        return inside * signs, slope, None
