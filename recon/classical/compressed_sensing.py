"""Compressed sensing: SENSE with a sparsity prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.registry import register
from recon.solvers.fista import fista
from recon.solvers.problem import Problem
from recon.solvers.prox import Prior, ShiftedHaar, TotalVariation


@dataclass(frozen=True)
class CompressedSensing(Reconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda g(x)` by FISTA, for the prior `g` of a subclass.

    Attributes
    ----------
    lamda
        Weight of the prior; the data are scaled so that the zero-filled image's maximum is 1. None to choose it
        without the truth, see `automatic_lamda`.
    iterations
        Of FISTA.
    """

    prior: ClassVar[Prior[Any]]
    lamda_scale: ClassVar[float]

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 64

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        problem = Problem.of(acquisition)
        return problem.image(self.solve(problem, acquisition.acceleration))

    def solve(self, problem: Problem, acceleration: float) -> Tensor:
        """Find the solution, complex64 `(sets, readout, phase)` in the order of the encoding."""
        lamda = automatic_lamda(problem, acceleration, self.lamda_scale) if self.lamda is None else self.lamda
        return fista(problem, self.prior, lamda, self.iterations)


@register("cs-wavelet")
@dataclass(frozen=True)
class CSWavelet(CompressedSensing):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda g(W x)`, W translation-invariant Haar (Lustig et al. 2007).

    `g` is the penalty of p-shrinkage (Chartrand 2009), close to the sum of the absolute values to the power of 7/8.
    """

    prior: ClassVar[Prior[Any]] = ShiftedHaar()
    lamda_scale: ClassVar[float] = 0.0013


@register("cs-tv")
@dataclass(frozen=True)
class CSTotalVariation(CompressedSensing):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda TV(x)`, TV isotropic (Block et al. 2007)."""

    prior: ClassVar[Prior[Any]] = TotalVariation()
    lamda_scale: ClassVar[float] = 0.0009


def automatic_lamda(problem: Problem, acceleration: float, scale: float) -> float:
    """Choose the weight of the prior without the truth: `lamda = c R^0.88 e^0.45`.

    What has to be removed are mostly the artefacts of the acceleration `R`, and they are the larger the more the
    object fills the image: `e` is the root mean square of the zero-filled image. The exponents are a fit to the
    weights that were best, knowing the truth, on brains, bodies and phantoms of 0.055 to 3 T with 1 to 16 coils;
    given these two, the noise told no more about the best weight.

    Parameters
    ----------
    problem
        At unit scale.
    acceleration
        How many times fewer samples were measured than a full scan has.
    scale
        `c`, of the prior.
    """
    zero_filled = problem.encoding.adjoint(problem.measured)[0]
    extent = float(zero_filled.abs().square().mean().sqrt())
    return scale * acceleration**GROWTH_WITH_ACCELERATION * extent**GROWTH_WITH_EXTENT


GROWTH_WITH_ACCELERATION, GROWTH_WITH_EXTENT = 0.88, 0.45
