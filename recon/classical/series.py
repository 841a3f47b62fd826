"""What methods that reconstruct the frames of a series together have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from recon.contract import SeriesReconstruction
from recon.data.acquisition import Acquisition
from recon.solvers.problem import Problem


@dataclass(frozen=True)
class WeightRule:
    """Choose the weight of a prior without the truth: `lamda = c s^a R^b m^d`.

    `s` is the level of the weakest samples, the root of the lower quartile of their energy: that of the noise or,
    without much noise, that of the finest detail. `R` is the acceleration. `m` is the coherence of the sampling
    (Lustig et al. 2007): the largest side lobe of the masks' Fourier transform along time and phase, among those that
    fold into another temporal frequency, over the main lobe. It is 1 where every n-th line is measured, about 0.1
    where lines are random.

    The exponents are a fit to the weights that were best, knowing the truth, for 15 simulated series: a beating heart
    and deforming heads, spines and bodies of 48 to 96 pixels and 8 to 30 frames, 6 to 10 coils, both kinds of masks
    at 4 to 12 times acceleration, noise of 0.2 to 3 % of the maximum.

    Attributes
    ----------
    scale
        `c`.
    level, acceleration, coherence
        The exponents `a`, `b` and `d`.
    """

    scale: float
    level: float = 0.0
    acceleration: float = 0.0
    coherence: float = 0.0

    def __call__(self, problem: Problem) -> float:
        """Return the weight for a series at unit scale."""
        return float(
            self.scale
            * weakest_level(problem) ** self.level
            * float(problem.acceleration.mean()) ** self.acceleration
            * coherence(problem.encoding.mask) ** self.coherence
        )


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
        """Return the solutions, complex64 `(frames, sets, readout, phase)` in the order of the encoding."""


def mean_image(problem: Problem) -> Tensor:
    """Combine the mean of each sample over the frames that measured it, complex64 `(1, sets, readout, phase)`.

    Frames that measure other lines complete one another, so what moves is blurred and nothing is aliased.
    """
    encoding = problem.encoding
    count = encoding.mask.expand(len(problem.measured), *encoding.mask.shape[1:]).sum(0, keepdim=True)
    mean = problem.measured.sum(0, keepdim=True) / count.clamp(min=1)
    return replace(encoding, sens_maps=encoding.sens_maps[:1]).combine(mean)


def weakest_level(problem: Problem) -> float:
    """Return the root of the lower quartile of the energy of the measured samples of one virtual coil.

    Zeros do not count: they are padding, or frames that were not measured.
    """
    energy = problem.measured.abs().square().mean(1, keepdim=True)
    measured = energy[problem.encoding.mask & (energy > 0)]
    if not len(measured):
        return 0.0
    return float(measured.kthvalue(1 + len(measured) // 4).values.sqrt())


def coherence(mask: Tensor) -> float:
    """Return the coherence of the masks `(frames, 1, 1 or readout, phase)`; 1 for a single frame."""
    lobes = torch.fft.fftn(mask.float(), dim=(0, -2, -1)).abs()
    if len(lobes) == 1 or not lobes.any():
        return 1.0
    return float(lobes[1:].max() / lobes[0].max())
