"""Compressed sensing of 3-D scans whose positions along the readout are reconstructed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from recon.classical.weight import PriorWeight
from recon.coils import rss
from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.slabs import Slab, are_neighbours
from recon.fourier import IMAGE_AXES
from recon.registry import register
from recon.solvers.fista import fista
from recon.solvers.problem import Problem
from recon.solvers.volume_variation import VolumeVariation


@register("cs-tv3d")
@dataclass(frozen=True)
class CSVolumeVariation(Reconstruction):
    """`argmin_x 1/2 ||M F S x - y||^2 + lamda TV(x)`, TV isotropic and also along the readout (Block et al. 2007).

    It takes 3-D scans, in slabs of neighbouring positions that overlap. The maps give all positions the same phase,
    so the image can be compared from position to position.

    Attributes
    ----------
    lamda
        Weight of the total variation at each position; the data are scaled so that the maximum of its zero-filled
        image is 1. None for that of `rule`.
    along_readout
        Weight of the differences along the readout; 0 leaves those within the plane, as `cs-tv` has them.
    iterations
        Number of FISTA iterations.
    """

    rule: ClassVar[PriorWeight] = PriorWeight(lines=0.0006, plane=0.05)

    lamda: Annotated[float, Field(ge=0)] | None = None
    along_readout: Annotated[float, Field(ge=0)] = 1.0
    iterations: Annotated[int, Field(ge=1)] = 32

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct a 3-D scan of one position, `(coils, readout, phase)` to `(rows, columns)`."""
        return self.batch([acquisition])[0]

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct neighbouring positions along the readout of a 3-D scan together.

        Raises
        ------
        InputError
            If the scan is not 3-D, or the positions are not neighbours.
        """
        _check_slab(acquisitions)
        problem = Problem.of_slab(acquisitions)
        return list(problem.image(self.solve(problem)))

    @property
    def slab(self) -> Slab:
        """The slabs that `batch` is given."""
        return Slab(kept=16, margin=8)

    def solve(self, problem: Problem) -> Tensor:
        """Return the solutions, complex64 `(positions, sets, readout, phase)`."""
        return fista(problem, VolumeVariation(across=self.along_readout), self.weights(problem), self.iterations)

    def weights(self, problem: Problem) -> Tensor:
        """Return the weight at each position, real `(positions,)`; it does not depend on the rest of the slab."""
        zero_filled = torch.fft.ifftn(problem.kspace, dim=problem.encoding.axes, norm="ortho")
        largest = rss(zero_filled).amax(IMAGE_AXES)
        if self.lamda is not None:
            return self.lamda * largest
        divisor = torch.where(largest > 0, largest, 1).reshape(-1, 1, 1, 1)
        return largest * self.rule(replace(problem, measured=problem.measured / divisor))


def _check_slab(acquisitions: Sequence[Acquisition]) -> None:
    """Refuse acquisitions that are not neighbouring positions of one 3-D scan.

    Raises
    ------
    InputError
        If it is a 2-D scan, or the positions are frames of a series.
    """
    first = acquisitions[0]
    if not first.header.volumetric:
        raise InputError(
            f"{first.name}: is a 2-D scan; cs-tv3d reconstructs neighbouring positions along the readout of a scan "
            "with two phase encodings; cs-tv takes 2-D scans"
        )
    if not all(are_neighbours(*pair) for pair in pairwise(acquisitions)):
        raise InputError(
            f"{first.name}: cs-tv3d reconstructs neighbouring positions of one image, not frames of a 3-D series; "
            "cs-tv takes them one by one"
        )
