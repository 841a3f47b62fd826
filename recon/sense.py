"""SENSE: least squares through the coil sensitivities."""

from dataclasses import dataclass

import torch
from torch import Tensor

from data.acquisition import Acquisition
from recon.problem import Problem
from recon.registry import register


@register("sense")
@dataclass(frozen=True)
class Sense:
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x||^2` by conjugate gradients (Pruessmann et al. 2001).

    Attributes
    ----------
    lamda
        Weight of the regularisation; the data are scaled so that the zero-filled image's maximum is 1.
    iterations
        Of conjugate gradients, at most.
    tolerance
        Stop when the residual of the normal equations has fallen to this share of the start.
    """

    lamda: float = 1e-2
    iterations: int = 30
    tolerance: float = 1e-4

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        problem = Problem.of(acquisition)
        return problem.image(conjugate_gradients(problem, self.lamda, self.iterations, self.tolerance))


def conjugate_gradients(problem: Problem, lamda: float, iterations: int, tolerance: float) -> Tensor:
    """Solve `(A^H A + lamda) x = A^H y`.

    Returns
    -------
    Tensor
        complex64 `(sets, readout, phase)`.
    """
    encoding = problem.encoding
    residual = encoding.adjoint(problem.measured)
    image, direction = torch.zeros_like(residual), residual
    energy = start = _energy(residual)
    for _ in range(iterations):
        if energy <= tolerance**2 * start:
            break
        curved = encoding.normal(direction) + lamda * direction
        step = energy / torch.sum(direction.conj() * curved).real
        image = image + step * direction
        residual = residual - step * curved
        energy, before = _energy(residual), energy
        direction = residual + energy / before * direction
    return image


def _energy(image: Tensor) -> Tensor:
    return torch.sum(image.abs().square())
