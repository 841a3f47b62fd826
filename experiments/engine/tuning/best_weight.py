"""Reconstruct each slice or series at its best weight, to bound what any choice of the weight can reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.slabs import Slab
from recon.experiments.engine.run import NotFiniteError, Runner, Values
from recon.experiments.engine.tuning.fit import best_weight, psnr
from recon.quality.noise_floor import with_noise_floor


@dataclass(frozen=True)
class BestWeight(Reconstruction):
    """`argmax_lamda PSNR(method(lamda), truth)`: no choice of the method's `lamda` can exceed it.

    A method that takes series has one weight for all frames of a series, the one at which their common PSNR is best;
    a method that takes slabs of 3-D scans has one for each slab.

    Attributes
    ----------
    method
        The method with its other settings.
    floor
        Whether images are compared with the truth at the noise floor of a full scan.
    """

    method: Any
    floor: bool = False

    @property
    def takes_series(self) -> bool:
        """Whether the method takes series."""
        return bool(self.method.takes_series)

    @property
    def slab(self) -> Slab | None:
        """Slabs of 3-D scans that the method is given."""
        slab: Slab | None = self.method.slab
        return slab

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)` at every weight of the search.

        Raises
        ------
        InputError
            If the slice has no target, or no weight gives a finite image.
        """
        return self._at_best([acquisition])[0]

    def batch(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct a series or a slab at one weight if the method takes them, and slices one by one otherwise.

        Raises
        ------
        InputError
            If a slice or frame has no target, or no weight gives finite images.
        """
        return self._at_best(acquisitions) if self.is_joint else [self(one) for one in acquisitions]

    def _at_best(self, acquisitions: Sequence[Acquisition]) -> list[Tensor]:
        """Reconstruct what has one weight in common: a slice, the frames of a series, a slab."""
        for one in acquisitions:
            if one.target is None:
                raise InputError(f"{one.name}: has no target, so there is no truth to tune on")
        device = acquisitions[0].kspace.device

        @cache  # the images are few and small
        def images(method: Reconstruction) -> list[Values]:
            return [result.image for result in Runner(type(method).__name__, method, device).slices(acquisitions)]

        def quality(method: Reconstruction) -> float:
            try:
                compared = [torch.from_numpy(image) for image in images(method)]
                if self.floor:
                    compared = list(map(with_noise_floor, compared, [one.to("cpu") for one in acquisitions]))
                return psnr(torch.stack(compared).numpy(), acquisitions)
            except NotFiniteError:
                return -math.inf

        best = max((self.method, best_weight(self.method, quality)), key=quality)
        return [torch.from_numpy(image).to(device) for image in images(best)]
