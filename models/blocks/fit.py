"""Solves a regularised least-squares problem as a layer, by conjugate gradients forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recon.solvers.cg import SOLUTION_AXES, Normal, conjugate_gradients


def fit(
    normal: Normal,
    data: Tensor,
    denoised: Tensor,
    lamda: Tensor,
    iterations: int,
    axes: tuple[int, ...] = SOLUTION_AXES,
) -> Tensor:
    """Return `x = (A^H A + lamda)^-1 (A^H y + lamda z)`.

    The backward pass solves a second linear system instead of storing every iteration (Aggarwal et al. 2019).

    Parameters
    ----------
    normal
        Function that applies `A^H A`.
    data, denoised
        `A^H y` and `z`, complex, both of the shape `normal` takes, such as `(batch, sets, readout, phase)`.
    lamda
        Weight of `z`, real, broadcastable to it.
    iterations
        Number of conjugate-gradient iterations, which start from `z`.
    axes
        Axes of one problem; the others are batch axes.

    Returns
    -------
    Tensor
        complex `x`, of the shape of `z`.
    """
    fitted: Tensor = _Fit.apply(normal, data, denoised, lamda, iterations, axes)  # type: ignore[no-untyped-call]
    return fitted


class _Fit(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        normal: Normal,
        data: Tensor,
        denoised: Tensor,
        lamda: Tensor,
        iterations: int,
        axes: tuple[int, ...],
    ) -> Tensor:
        fitted = conjugate_gradients(normal, data + lamda * denoised, iterations, lamda, start=denoised, axes=axes)
        ctx.normal, ctx.iterations, ctx.axes = normal, iterations, axes
        ctx.save_for_backward(denoised, lamda, fitted)
        return fitted

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor, Tensor, None, None]:
        """Return `dL/dz = lamda w` and `dL/dlamda = Re <w, z - x>`, with `w = (A^H A + lamda)^-1 dL/dx`."""
        denoised, lamda, fitted = ctx.saved_tensors
        (gradient,) = gradients
        solved = conjugate_gradients(ctx.normal, gradient, ctx.iterations, lamda, axes=ctx.axes)
        slope = (solved.conj() * (denoised - fitted)).real.sum_to_size(lamda.shape)
        return None, None, lamda * solved, slope, None, None
