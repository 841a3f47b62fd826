"""Compressed sensing: SENSE with a sparsity prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from recon.classical.sense import IterativeSense
from recon.classical.weight import PriorWeight
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
        that of `rule`.
    iterations
        Number of FISTA iterations; with masks along both axes, whose artefacts fade sooner, half of them.
    """

    prior: ClassVar[Prior[Any]]
    rule: ClassVar[PriorWeight]

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 64

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(batch, sets, readout, phase)`."""
        lamda = self.rule(problem) if self.lamda is None else self.lamda
        along_phase = len(problem.encoding.axes) == 1
        iterations = self.iterations if along_phase else -(-self.iterations // 2)
        return fista(problem, self.prior, lamda, iterations)


@register("cs-wavelet")
@dataclass(frozen=True)
class CSWavelet(CompressedSensing):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda g(W x)`, W translation-invariant Haar (Lustig et al. 2007).

    `g` is the penalty of p-shrinkage (Chartrand 2009), close to the sum of the absolute values to the power of 7/8.
    """

    prior: ClassVar[Prior[Any]] = ShiftedHaar()
    rule: ClassVar[PriorWeight] = PriorWeight(lines=0.0013, plane=0.135)


@register("cs-tv")
@dataclass(frozen=True)
class CSTotalVariation(CompressedSensing):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda TV(x)`, TV isotropic (Block et al. 2007)."""

    prior: ClassVar[Prior[Any]] = TotalVariation()
    rule: ClassVar[PriorWeight] = PriorWeight(lines=0.0009, plane=0.07)
