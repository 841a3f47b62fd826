"""k-t SENSE: least squares in the space of position and temporal frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from recon.classical.dynamic.iterative import IterativeSeries, mean_image
from recon.classical.dynamic.weight import WeightRule
from recon.registry import register
from recon.solvers.cg import conjugate_gradients
from recon.solvers.problem import Problem


@register("kt-sense")
@dataclass(frozen=True)
class KtSense(IterativeSeries):
    """`argmin_x 1/2 ||A x - y||^2 + lamda/2 ||F_t (x - m) / sqrt(b)||^2` by conjugate gradients (Tsao et al. 2003).

    `m` is the mean over time, `F_t` the Fourier transform along time, and `b` the signal expected at a position and
    a temporal frequency. The first pass expects it where the object is bright, at every frequency alike; the others
    expect the modulus that the pass before found (k-t FOCUSS, Jung et al. 2009), so no training scan is needed.

    Attributes
    ----------
    passes
        Number of passes.
    iterations
        Number of iterations of conjugate gradients in each pass.
    """

    rule: ClassVar[WeightRule] = WeightRule(0.12, level=1.0, coherence=1.0)

    passes: Annotated[int, Field(ge=1)] = 2
    iterations: Annotated[int, Field(ge=1)] = 15

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)`."""
        encoding, mean = problem.encoding, mean_image(problem)
        data = encoding.adjoint(problem.measured)
        residual = data - encoding.normal(mean.expand_as(data))
        lamda = self.weight(problem)
        expected = problem.brightness.unsqueeze(1).sqrt()
        moving = torch.zeros_like(data)
        for _ in range(self.passes):

            def normal(weighted: Tensor, expected: Tensor = expected) -> Tensor:
                series = torch.fft.ifft(expected * weighted, dim=0, norm="ortho")
                return expected * torch.fft.fft(encoding.normal(series), dim=0, norm="ortho")

            right = expected * torch.fft.fft(residual, dim=0, norm="ortho")
            weighted = conjugate_gradients(normal, right, self.iterations, lamda, axes=(0, 1, 2, 3))
            spectrum = expected * weighted
            moving = torch.fft.ifft(spectrum, dim=0, norm="ortho")
            expected = spectrum.abs().sqrt()
        return mean + moving
