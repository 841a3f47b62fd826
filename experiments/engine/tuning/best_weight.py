"""A method at the weight that is best for each slice: what whoever does not know the truth is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.experiments.engine.tuning.tune import best_weight, psnr


@dataclass(frozen=True)
class BestWeight(Reconstruction):
    """`argmax_lamda PSNR(method(lamda), truth)`: what no choice of the method's `lamda` can exceed.

    Attributes
    ----------
    method
        With its other settings.
    """

    method: Any

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`, as often as the search wants.

        Raises
        ------
        InputError
            If the slice has no target.
        """
        if acquisition.target is None:
            raise InputError(f"{acquisition.name}: has no target, so there is no truth to tune on")
        # Each weight is tried once; the images are few and small.
        images = cache(lambda method: method(acquisition))
        tried = best_weight(self.method, lambda method: psnr(images(method), acquisition))
        image: Tensor = max(map(images, (self.method, tried)), key=lambda found: psnr(found, acquisition))
        return image
