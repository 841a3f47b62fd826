"""The Muon optimizer: momentum whose update of each weight matrix is made orthogonal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz polynomial `a + b G + c G^2` (Jordan et al. 2024)."""

ITERATIONS = 5

SCALE = 0.2
"""Root mean square of Adam's updates over the learning rate, which updates are scaled to (Liu et al. 2025)."""


class Muon(Optimizer):
    """Orthogonalised momentum for the kernels of convolutions and the matrices of layers, Adam for all other weights.

    A gradient of a matrix is dominated by few directions; made orthogonal, the update moves all of them alike (Jordan
    et al. 2024, "Muon"). A kernel `(out, in, rows, columns)` counts as the matrix `(out, in rows columns)`.

    Parameters
    ----------
    parameters
        Weights to train.
    lr
        Learning rate, of the size that suits Adam (Liu et al. 2025, "Muon is scalable for LLM training", eq. 4).
    momentum
        Decay of the momentum.
    betas, eps
        Parameters of Adam.
    weight_decay
        Strength of the weight decay, separate from the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all weights that have a gradient, which `closure` computes first if it is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    update = self._orthogonal if weight.ndim > 1 else self._adam
                    weight.sub_(group["lr"] * update(self.state[weight], weight.grad, group))
        return loss

    @staticmethod
    def _orthogonal(state: dict[str, Tensor], gradient: Tensor, group: Mapping[str, Any]) -> Tensor:
        momentum = state.setdefault("momentum", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - group["momentum"])
        matrix = gradient.lerp(momentum, group["momentum"]).flatten(1)
        return (SCALE * max(matrix.shape) ** 0.5 * orthogonalised(matrix)).view_as(gradient)

    @staticmethod
    def _adam(state: dict[str, Tensor], gradient: Tensor, group: Mapping[str, Any]) -> Tensor:
        first, second = group["betas"]
        step = state.setdefault("step", torch.zeros(())).add_(1)
        mean = state.setdefault("mean", torch.zeros_like(gradient)).lerp_(gradient, 1 - first)
        square = state.setdefault("square", torch.zeros_like(gradient)).lerp_(gradient.square(), 1 - second)
        return mean / (1 - first**step) / ((square / (1 - second**step)).sqrt() + group["eps"])


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return the nearest matrix whose singular values are near 1, `(rows, columns)`.

    The Newton-Schulz iteration `X <- (a + b G + c G^2) X`, `G = X X^T`, is a polynomial of the first `G` times the
    first `X`, so only small square matrices are iterated.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.mT).mT
    unit = matrix / matrix.norm().clamp(min=torch.finfo(matrix.dtype).tiny)
    gram = (unit @ unit.mT).double()
    product = identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    constant, linear, quadratic = COEFFICIENTS
    for _ in range(ITERATIONS):
        factor = constant * identity + linear * gram + quadratic * gram @ gram
        product = factor @ product
        gram = factor @ gram @ factor
    return product.to(matrix.dtype) @ unit
