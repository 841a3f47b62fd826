"""Reconstruct each slice at the weight that is best for it, to bound what any choice of the weight can reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.experiments.engine.run import NotFiniteError, Runner, Values
from recon.experiments.engine.tuning.tune import best_weight, psnr
from recon.quality.noise_floor import with_noise_floor


@dataclass(frozen=True)
class BestWeight(Reconstruction):
    """`argmax_lamda PSNR(method(lamda), truth)`: no choice of the method's `lamda` can exceed it.

    Attributes
    ----------
    method
        The method with its other settings.
    floor
        Whether images are compared with the truth at the noise floor of a full scan.
    """

    method: Any
    floor: bool = False

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)` at every weight of the search.

        Raises
        ------
        InputError
            If the slice has no target, or no weight gives a finite image.
        """
        if acquisition.target is None:
            raise InputError(f"{acquisition.name}: has no target, so there is no truth to tune on")
        device = acquisition.kspace.device

        @cache  # the images are few and small
        def image(method: Reconstruction) -> Values:
            (result,) = Runner(type(method).__name__, method, device).slices([acquisition])
            return result.image

        def quality(method: Reconstruction) -> float:
            try:
                compared = torch.from_numpy(image(method))
                if self.floor:
                    compared = with_noise_floor(compared, acquisition.to("cpu"))
                return psnr(compared.numpy(), acquisition)
            except NotFiniteError:
                return -math.inf

        best = max((self.method, best_weight(self.method, quality)), key=quality)
        return torch.from_numpy(image(best)).to(device)
