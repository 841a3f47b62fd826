"""SENSE: least squares through the coil sensitivities."""

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.registry import register
from recon.solvers.encoding import Encoding
from recon.solvers.problem import Problem


@register("sense")
@dataclass(frozen=True)
class Sense(Reconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x / sqrt(b)||^2` by conjugate gradients (Pruessmann et al. 2001).

    The brightness `b` of the low-resolution image stands for the variance of the image (a feature map, as in Tsao
    et al. 2003): where the object is dark little signal is expected, and aliasing does not settle there.

    Attributes
    ----------
    lamda
        Weight of the regularisation; the data are scaled so that the zero-filled image's maximum is 1.
    iterations
        Of conjugate gradients, at most.
    tolerance
        Stop when the residual of the normal equations has fallen to this share of the start.
    """

    lamda: Annotated[float, Field(ge=0)] = 3e-3
    iterations: Annotated[int, Field(ge=1)] = 40
    tolerance: float = 1e-4

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        problem = Problem.of(acquisition)
        return problem.image(self.solve(problem))

    def solve(self, problem: Problem) -> Tensor:
        """Find the solution, complex64 `(sets, readout, phase)` in the order of the encoding."""
        spread = problem.brightness.sqrt()
        encoding = replace(problem.encoding, sens_maps=problem.encoding.sens_maps * spread)
        return spread * conjugate_gradients(encoding, problem.measured, self.lamda, self.iterations, self.tolerance)


def conjugate_gradients(
    encoding: Encoding, measured: Tensor, lamda: float, iterations: int, tolerance: float
) -> Tensor:
    """Solve `(A^H A + lamda) x = A^H y`.

    Parameters
    ----------
    encoding
        `A`.
    measured
        complex64 `y`, `(coils, readout, phase)`.
    lamda, iterations, tolerance
        As in `Sense`.

    Returns
    -------
    Tensor
        complex64 `(sets, readout, phase)`.
    """
    residual = encoding.adjoint(measured)
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
