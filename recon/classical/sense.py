"""SENSE: least squares through the coil sensitivities."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from recon.calibration.combination import combine
from recon.classical.weight import sense_weight
from recon.contract import SLICES_ON_GPU, Reconstruction, in_groups
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.preprocessing.oversampling import without_oversampling
from recon.registry import register
from recon.solvers.bright_sense import bright_sense
from recon.solvers.problem import Problem
from recon.timing import timed


@dataclass(frozen=True)
class IterativeSense(Reconstruction):
    """A method that solves a `Problem`; `solve` says how."""

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        return self.batch([acquisition])[0]

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct several slices, those of the same size together; each image equals that of `__call__`."""
        return in_groups(acquisitions, lambda one: (one.kspace.shape, one.mask.shape, one.crop), self._together)

    def batch_size(self, device: torch.device) -> int:
        """Return how many slices to reconstruct together: one on a CPU, because one already fills its caches."""
        return SLICES_ON_GPU if device.type == "cuda" else 1

    def prepare_coils(self, read: Callable[[], Acquisition]) -> None:
        """Find virtual coils and maps by the calibration lines of a slice whose other lines have yet to come."""
        Problem.prepare_coils(read())

    @property
    def keeps_phase(self) -> bool:
        """Whether there is a complex image: yes."""
        return True

    def complex_image(self, acquisition: Acquisition) -> Tensor:
        """Return complex64 `(rows, columns)`: the coil images along the sensitivities."""
        if acquisition.mask.ndim == 1:
            acquisition = without_oversampling(acquisition)
        problem = Problem.of_slices([acquisition])
        coil_images = problem.coil_images(self.solve(problem))[0]
        return center_crop(combine(coil_images, acquisition), acquisition.crop)

    def _together(self, acquisitions: Sequence[Acquisition]) -> Tensor:
        problem = Problem.of_slices(acquisitions)
        with timed("solver"):
            solution = self.solve(problem)
        return problem.image(solution)

    @abstractmethod
    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(batch, sets, readout, phase)`."""


@register("sense")
@dataclass(frozen=True)
class Sense(IterativeSense):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda/2 ||x / sqrt(b)||^2` by conjugate gradients (Pruessmann et al. 2001).

    The brightness `b` of the low-resolution image stands for the variance of the image (a feature map, as in Tsao
    et al. 2003): where the object is dark little signal is expected, and aliasing does not settle there.

    Attributes
    ----------
    lamda
        Weight of the regularisation; the data are scaled so that the zero-filled image's maximum is 1. None for 0.003
        with masks along phase, and with masks along both axes 0.045 times the mean square of the zero-filled image.
    iterations
        Number of iterations of conjugate gradients at most.
    tolerance
        Stop when the residual of the normal equations has fallen to this share of the start.
    """

    lamda: Annotated[float, Field(ge=0)] | None = None
    iterations: Annotated[int, Field(ge=1)] = 40
    tolerance: float = 1e-4

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(batch, sets, readout, phase)`."""
        lamda = sense_weight(problem) if self.lamda is None else self.lamda
        return bright_sense(
            problem.encoding, problem.measured, problem.brightness, lamda, self.iterations, self.tolerance
        )
