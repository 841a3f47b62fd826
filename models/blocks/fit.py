"""A least-squares fit as a layer: conjugate gradients forward, conjugate gradients backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Normal = Callable[[Tensor], Tensor]
"""`A^H A`, from a complex image to one of the same shape."""

Axes = tuple[int, ...]

ALL_AXES: Axes = (-3, -2, -1)
"""Of the image of one slice: its sets, readout and phase."""


class Fit(torch.autograd.Function):
    """`x = (A^H A + lamda)^-1 (A^H y + lamda z)`, whose gradient is another fit instead of all iterations' memory.

    `Fit.apply(normal, data, denoised, lamda, iterations, axes)` takes `A^H A`, `A^H y` and `z`, the last two complex
    and of one shape, the scalar `lamda`, the number of iterations from `z` on, and the axes that make up one problem.
    """

    @staticmethod
    def forward(
        ctx: Any, normal: Normal, data: Tensor, denoised: Tensor, lamda: Tensor, iterations: int, axes: Axes
    ) -> Tensor:
        """Fit to the data near the denoised image."""
        fitted = fit(normal, data + lamda * denoised, denoised, float(lamda), iterations, axes)
        ctx.normal, ctx.iterations, ctx.axes = normal, iterations, axes
        ctx.save_for_backward(denoised, lamda, fitted)
        return fitted

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor, Tensor, None, None]:
        """`dL/dz = lamda w` and `dL/dlamda = Re <w, z - x>` with `w = (A^H A + lamda)^-1 dL/dx`."""
        denoised, lamda, fitted = ctx.saved_tensors
        (gradient,) = gradients
        solved = fit(ctx.normal, gradient, torch.zeros_like(gradient), float(lamda), ctx.iterations, ctx.axes)
        slope = torch.sum(solved.conj() * (denoised - fitted)).real
        return None, None, lamda * solved, slope, None, None


@torch.no_grad()
def fit(normal: Normal, right: Tensor, start: Tensor, lamda: float, iterations: int, axes: Axes) -> Tensor:
    """Solve `(A^H A + lamda) x = b` by conjugate gradients.

    Parameters
    ----------
    normal
        Knows `A^H A`.
    right, start
        `b` and where to begin, complex and of one shape.
    lamda, iterations
        Weight of the regularisation; number of steps.
    axes
        Those of one problem; along the others of `b`, as those of a batch, each is solved for itself.

    Returns
    -------
    Tensor
        `x`, of the same shape.
    """

    def inner(image: Tensor, other: Tensor) -> Tensor:
        return torch.sum(image.conj() * other, axes, keepdim=True).real

    image = start
    residual = right - normal(image) - lamda * image
    direction, energy = residual, inner(residual, residual)
    for _ in range(iterations):
        curved = normal(direction) + lamda * direction
        step = _ratio(energy, inner(direction, curved))
        image = image + step * direction
        residual = residual - step * curved
        energy, before = inner(residual, residual), energy
        direction = residual + _ratio(energy, before) * direction
    return image


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Zero where an empty slice has nothing to divide."""
    return numerator / torch.where(denominator == 0, 1, denominator)
