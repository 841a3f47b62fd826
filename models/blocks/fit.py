"""Solves a regularised least-squares problem as a layer, by conjugate gradients forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recon.solvers.cg import SOLUTION_AXES, Normal, conjugate_gradients


@dataclass(frozen=True, eq=False)
class LearnedOperator:
    """Dependence of the least-squares problem on learned tensors, such as sensitivity maps.

    Attributes
    ----------
    residual
        Function of an image `x` and the tensors: `A^H (y - A x)`, differentiable by them.
    tensors
        The tensors with which `A^H A` and `A^H y` were computed.
    """

    residual: Callable[..., Tensor]
    tensors: tuple[Tensor, ...]


def fit(
    normal: Normal,
    data: Tensor,
    denoised: Tensor,
    lamda: Tensor,
    iterations: int,
    axes: tuple[int, ...] = SOLUTION_AXES,
    learned: LearnedOperator | None = None,
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
    learned
        Learned tensors on which `A` and `A^H y` depend, to receive gradients; None if nothing is learned.

    Returns
    -------
    Tensor
        complex `x`, of the shape of `z`.
    """
    residual, tensors = (None, ()) if learned is None else (learned.residual, learned.tensors)
    fitted: Tensor = _Fit.apply(normal, data, denoised, lamda, iterations, axes, residual, *tensors)  # type: ignore[no-untyped-call]
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
        residual: Callable[..., Tensor] | None,
        *tensors: Tensor,
    ) -> Tensor:
        fitted = conjugate_gradients(normal, data + lamda * denoised, iterations, lamda, start=denoised, axes=axes)
        ctx.normal, ctx.iterations, ctx.axes, ctx.residual = normal, iterations, axes, residual
        ctx.save_for_backward(denoised, lamda, fitted, *tensors)
        return fitted

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return `dL/dz = lamda w` and `dL/dlamda = Re <w, z - x>`, with `w = (A^H A + lamda)^-1 dL/dx`.

        The gradient by what `A` depends on is that of `Re <w, A^H (y - A x)>` at fixed `w` and `x`.
        """
        denoised, lamda, fitted, *tensors = ctx.saved_tensors
        (gradient,) = gradients
        solved = conjugate_gradients(ctx.normal, gradient, ctx.iterations, lamda, axes=ctx.axes)
        slope = (solved.conj() * (denoised - fitted)).real.sum_to_size(lamda.shape)
        slopes: tuple[Tensor, ...] = ()
        if tensors:
            with torch.enable_grad():
                own = [tensor.detach().requires_grad_() for tensor in tensors]
                slopes = torch.autograd.grad(ctx.residual(fitted, *own), own, solved)
        return None, None, lamda * solved, slope, None, None, None, *slopes
