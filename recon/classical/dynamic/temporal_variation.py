"""Compressed sensing with total variation along time, for pixels that seldom change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from recon.classical.dynamic.iterative import IterativeSeries
from recon.classical.dynamic.weight import WeightRule
from recon.registry import register
from recon.solvers.fista import fista
from recon.solvers.problem import Problem
from recon.solvers.temporal import TemporalVariation


@register("cs-ktv")
@dataclass(frozen=True)
class CSTemporalVariation(IterativeSeries):
    """`argmin_x 1/2 ||A x - y||^2 + lamda sum |x_(t+1) - x_t|` by FISTA (Feng et al. 2014, without gridding).

    Attributes
    ----------
    iterations
        Number of iterations.
    """

    rule: ClassVar[WeightRule] = WeightRule(0.06, level=0.75, acceleration=1.0, coherence=1.0)

    iterations: Annotated[int, Field(ge=1)] = 40

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)`."""
        lamda = self.weight(problem)
        return fista(problem, TemporalVariation(), lamda, self.iterations)
