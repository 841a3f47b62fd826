"""Chooses weights of regularisation without the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.fourier import IMAGE_AXES
from recon.solvers.problem import Problem

GROWTH_WITH_ACCELERATION, GROWTH_WITH_EXTENT = 0.88, 0.45
"""Exponents for masks along phase."""

PLANE_ACCELERATION, PLANE_EXTENT, PLANE_LEVEL = -0.4, 0.7, 0.7
"""Exponents for masks along both axes."""

SENSE_LINES, SENSE_PLANE = 3e-3, 0.045
"""Weight of SENSE for masks along phase, and its share of the image's power for masks along both axes."""


@dataclass(frozen=True)
class PriorWeight:
    """Weight of a prior: `lamda = c R^0.88 e^0.45`, for masks along both axes `lamda = d R^-0.4 (e s)^0.7`.

    Most of what has to be removed are artefacts of the acceleration `R`, and they are the larger the more the object
    fills the image: `e` is the root mean square of the zero-filled image. The exponents are a fit to the weights
    that were best, knowing the truth, on brains, bodies and phantoms of 0.055 to 3 T with 1 to 16 coils. Given `R`
    and `e`, the noise predicted no more about the best weight.

    Masks along both axes leave artefacts that hardly differ from noise, and the level `s` of the weakest samples
    (see `weakest_levels`) matters. Their exponents are a fit to eight simulated scans of brains and phantoms, SNR 20
    to 100, at 4 to 12 times acceleration.

    Attributes
    ----------
    lines, plane
        `c` and `d`, which belong to the prior.
    """

    lines: float
    plane: float

    def __call__(self, problem: Problem) -> Tensor:
        """Return the weight for each problem at unit scale, real `(batch,)`."""
        extent = _power(problem).sqrt()
        if len(problem.encoding.axes) == 1:
            return self.lines * problem.acceleration**GROWTH_WITH_ACCELERATION * extent**GROWTH_WITH_EXTENT
        level = weakest_levels(problem)
        return self.plane * problem.acceleration**PLANE_ACCELERATION * extent**PLANE_EXTENT * level**PLANE_LEVEL


def sense_weight(problem: Problem) -> float | Tensor:
    """Return the weight for SENSE: one for masks along phase, real `(batch, 1, 1, 1)` for masks along both axes.

    The latter is a share of the mean power of the zero-filled image. The share was best in the mean over the scans
    that `PriorWeight` was fitted to.
    """
    if len(problem.encoding.axes) == 1:
        return SENSE_LINES
    return SENSE_PLANE * _power(problem).reshape(-1, 1, 1, 1)


def weakest_levels(problem: Problem) -> Tensor:
    """Return the root of the lower quartile of the energy of each problem's measured samples, real `(batch,)`.

    It is the energy of one virtual coil: that of the noise or, without much noise, that of the finest detail.
    Zeros do not count: they are padding.
    """
    energy = problem.measured.abs().square().mean(1, keepdim=True)
    counts = problem.encoding.mask & (energy > 0)
    ordered = torch.where(counts, energy, torch.inf).flatten(1).sort().values
    quartile = ordered.gather(1, counts.flatten(1).sum(1, keepdim=True) // 4)[:, 0]
    return torch.where(quartile.isfinite(), quartile, 0).sqrt()


def _power(problem: Problem) -> Tensor:
    """Return the mean square of each zero-filled image, real `(batch,)`."""
    zero_filled = problem.encoding.adjoint(problem.measured)[:, 0]
    return zero_filled.abs().square().mean(IMAGE_AXES)
