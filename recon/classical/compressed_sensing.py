"""Compressed sensing: SENSE with a sparsity prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from recon.classical.sense import IterativeSense
from recon.fourier import IMAGE_AXES
from recon.registry import register
from recon.solvers.fista import fista
from recon.solvers.problem import Problem
from recon.solvers.prox import Prior, ShiftedHaar, TotalVariation


@dataclass(frozen=True)
class CompressedSensing(IterativeSense):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda g(x)` by FISTA, for the prior `g` of a subclass.

    Attributes
    ----------
    lamda
        Weight of the prior; the data are scaled so that the zero-filled image's maximum is 1. None for
        `automatic_lamda`.
    iterations
        Number of FISTA iterations.
    """

    prior: ClassVar[Prior[Any]]
    lamda_scale: ClassVar[float]

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 64

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(batch, sets, readout, phase)`."""
        lamda = automatic_lamda(problem, self.lamda_scale) if self.lamda is None else self.lamda
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


def automatic_lamda(problem: Problem, scale: float) -> Tensor:
    """Choose the weight of the prior without the truth: `lamda = c R^0.88 e^0.45`.

    Most of what has to be removed are artefacts of the acceleration `R`, and they are the larger the more the object
    fills the image: `e` is the root mean square of the zero-filled image. The exponents are a fit to the weights
    that were best, knowing the truth, on brains, bodies and phantoms of 0.055 to 3 T with 1 to 16 coils. Given `R`
    and `e`, the noise predicted no more about the best weight.

    Parameters
    ----------
    problem
        Problems at unit scale.
    scale
        `c`, which belongs to the prior.

    Returns
    -------
    Tensor
        real `(batch,)`.
    """
    zero_filled = problem.encoding.adjoint(problem.measured)[:, 0]
    extent = zero_filled.abs().square().mean(IMAGE_AXES).sqrt()
    return scale * problem.acceleration**GROWTH_WITH_ACCELERATION * extent**GROWTH_WITH_EXTENT


GROWTH_WITH_ACCELERATION, GROWTH_WITH_EXTENT = 0.88, 0.45
