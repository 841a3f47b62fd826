"""What methods that reconstruct the frames of a series together have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from recon.contract import SeriesReconstruction
from recon.data.acquisition import Acquisition
from recon.solvers.problem import Problem


@dataclass(frozen=True)
class IterativeSeries(SeriesReconstruction):
    """A method that solves the `Problem` of a series; `solve` says how."""

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct the frames of one series, in the order of time, to `(rows, columns)` each."""
        problem = Problem.of_series(acquisitions)
        return list(problem.image(self.solve(problem)))

    @abstractmethod
    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(frames, sets, readout, phase)` in the order of the encoding."""


def mean_image(problem: Problem) -> Tensor:
    """Combine the mean of each sample over the frames that measured it, complex64 `(1, sets, readout, phase)`.

    Frames that measure other lines complete one another, so what moves is blurred and nothing is aliased.
    """
    encoding = problem.encoding
    count = encoding.mask.expand(len(problem.measured), *encoding.mask.shape[1:]).sum(0, keepdim=True)
    mean = problem.measured.sum(0, keepdim=True) / count.clamp(min=1)
    return replace(encoding, sens_maps=encoding.sens_maps[:1]).combine(mean)


def automatic_weight(problem: Problem, scale: float) -> float:
    return scale
