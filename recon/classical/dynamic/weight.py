"""Chooses the weight of a prior on series without the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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
