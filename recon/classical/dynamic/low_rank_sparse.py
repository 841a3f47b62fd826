"""Low rank plus sparse: a series is a background that changes in few ways, and what moves in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from recon.classical.dynamic.iterative import IterativeSeries, mean_image
from recon.classical.dynamic.weight import WeightRule
from recon.registry import register
from recon.solvers.pogm import pogm
from recon.solvers.problem import Problem
from recon.solvers.temporal import shrink_singular_values, shrink_spectrum


@register("l+s")
@dataclass(frozen=True)
class LowRankSparse(IterativeSeries):
    """`argmin_(L, S) 1/2 ||A (L + S) - y||^2 + lamda (r sqrt(n) ||L||_* + ||F_t S||_1)` (Otazo et al. 2015, eq. 2).

    `L` is a matrix of frames times `n` pixels, `F_t` the Fourier transform along time. The singular values of noise
    grow with `sqrt(n)`, so `r` does not depend on the size of the images. The proximal optimised gradient method
    (Lin and Fessler 2019) starts from the mean over time.

    Attributes
    ----------
    low_rank
        `r`, weight of the low rank in proportion to that of the sparsity.
    iterations
        Number of iterations.
    """

    rule: ClassVar[WeightRule] = WeightRule(0.0146, level=0.5)

    low_rank: Annotated[float, Field(ge=0)] = 0.8
    iterations: Annotated[int, Field(ge=1)] = 30

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)`."""
        return self.parts(problem).sum(0)

    def parts(self, problem: Problem) -> Tensor:
        """Return `L` and `S`, complex64 `(2, frames, sets, readout, phase)`."""
        encoding = problem.encoding
        data = encoding.adjoint(problem.measured)
        sparse = self.weight(problem)
        low_rank = self.low_rank * sparse * data[0].numel() ** 0.5

        def gradient(parts: Tensor) -> Tensor:
            return encoding.normal(parts.sum(0)) - data

        def prox(parts: Tensor, step: float) -> Tensor:
            background, moving = parts
            return torch.stack(
                [shrink_singular_values(background, step * low_rank), shrink_spectrum(moving, step * sparse)]
            )

        start = torch.stack([mean_image(problem).expand_as(data), torch.zeros_like(data)])
        return pogm(gradient, prox, start, 1 / 2, self.iterations)
