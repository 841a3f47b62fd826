"""Compressed sensing with total variation along time: a pixel changes seldom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from recon.classical.series import IterativeSeries, automatic_weight
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
    lamda
        Weight of the prior; the data are scaled so that the zero-filled series' maximum is 1. None for
        `automatic_weight`.
    iterations
        Number of iterations.
    """

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 40

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)` in the order of the encoding."""
        lamda = automatic_weight(problem, 1e-3) if self.lamda is None else self.lamda
        return fista(problem, TemporalVariation(), lamda, self.iterations)
