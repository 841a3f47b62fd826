"""Base of the iterative methods that reconstruct the frames of a series together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from recon.classical.dynamic.weight import WeightRule
from recon.contract import SeriesReconstruction
from recon.data.acquisition import Acquisition
from recon.solvers.problem import Problem


@dataclass(frozen=True)
class IterativeSeries(SeriesReconstruction):
    """A method that solves the `Problem` of a series; `solve` says how.

    Attributes
    ----------
    lamda
        Weight of the prior; the data are scaled so that the zero-filled series' maximum is 1. None for that of
        `rule`.
    """

    rule: ClassVar[WeightRule]

    lamda: Annotated[float, Field(ge=0)] | None = None

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct the frames of one series, in the order of time, to `(rows, columns)` each."""
        problem = Problem.of_series(acquisitions)
        return list(problem.image(self.solve(problem)))

    def weight(self, problem: Problem) -> float:
        """Return the weight of the prior."""
        return self.rule(problem) if self.lamda is None else self.lamda

    @abstractmethod
    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)`."""


def mean_image(problem: Problem) -> Tensor:
    """Combine the mean of each sample over the frames that measured it, complex64 `(1, sets, readout, phase)`.

    Frames that measure other lines complete one another, so what moves is blurred and nothing is aliased.
    """
    encoding = problem.encoding
    count = encoding.mask.expand(len(problem.measured), *encoding.mask.shape[1:]).sum(0, keepdim=True)
    mean = problem.measured.sum(0, keepdim=True) / count.clamp(min=1)
    return replace(encoding, sens_maps=encoding.sens_maps[:1]).combine(mean)
