"""Conjugate gradients for regularised least squares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.blocking import in_blocks

Normal = Callable[[Tensor], Tensor]
"""`A^H A`, from complex images to images of the same shape."""

WAITING = 10
"""Iterations on a GPU between two looks at the residual, for which the host has to wait."""

SOLUTION_AXES = (-3, -2, -1)
"""Axes of one solution: sets, readout, phase."""


@torch.no_grad()
def conjugate_gradients(
    normal: Normal,
    right: Tensor,
    iterations: int,
    lamda: float | Tensor = 0.0,
    start: Tensor | None = None,
    tolerance: float = 0.0,
    axes: tuple[int, ...] = SOLUTION_AXES,
) -> Tensor:
    """Solve `(A^H A + lamda) x = b` (Hestenes and Stiefel 1952), for each problem of a batch on its own.

    Parameters
    ----------
    normal
        Applies `A^H A`.
    right
        complex `b`, `(..., sets, readout, phase)`.
    iterations
        Number of iterations at most.
    lamda
        Weight of the regularisation: one number, or a tensor that broadcasts against `b`.
    start
        Estimate to start from, of the shape of `b`; zero if None.
    tolerance
        A problem is solved when its residual has fallen to this share of its first value. Its estimate then no longer
        changes, even if other problems of the batch need more iterations.
    axes
        Axes that make up one problem; the others are batches.

    Returns
    -------
    Tensor
        complex `x`, of the shape of `b`.
    """

    def inner(image: Tensor, other: Tensor) -> Tensor:
        return torch.sum(image.conj() * other, axes, keepdim=True).real

    image = torch.zeros_like(right) if start is None else start
    residual = right if start is None else right - normal(start) - lamda * start
    direction, energy = residual, inner(residual, residual)
    enough = tolerance**2 * energy
    every = 1 if in_blocks(right) else WAITING
    for iteration in range(iterations):
        solved = energy <= enough if tolerance else None
        if solved is not None and iteration % every == 0 and solved.all():
            break
        curved = normal(direction) + lamda * direction
        step = _ratio(energy, inner(direction, curved))
        if solved is not None:
            step = torch.where(solved, 0, step)
        image = image + step * direction
        residual = residual - step * curved
        energy, before = inner(residual, residual), energy
        direction = residual + _ratio(energy, before) * direction
    return image


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide; zero where an empty slice leaves nothing to divide."""
    return numerator / torch.where(denominator == 0, 1, denominator)
