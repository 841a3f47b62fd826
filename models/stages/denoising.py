"""Registers the denoisers of the zoo, with trained weights, as post-processing stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.models.precision import computing_in
from recon.models.stages.learned_stage import LearnedStage
from recon.registry import register_stage


@register_stage("dlr")
@dataclass(frozen=True)
class DlrStage(LearnedStage):
    """Denoise with the network of AiCE, `f(x, strength sigma)` (Kidoh et al. 2020).

    Real and imaginary part are denoised by the same weights, more where the noise map is higher. Where it is zero
    the image is left alone.

    Attributes
    ----------
    strength
        Factor of the noise map: above 1 for smoother images, below 1 for noisier ones, 0 for no change.
    """

    strength: Annotated[float, Field(ge=0)] = 1.0

    def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
        """Denoise complex64 or float32 `(rows, columns)`, given the noise of each pixel.

        Raises
        ------
        InputError
            If the weights are missing, or belong to another network.
        """
        del acquisition
        return self._denoised(image, noise)

    @property
    def takes_magnitude(self) -> bool:
        """Whether images alone can be denoised: yes, although the noise of a magnitude is no longer normal in air."""
        return True

    def magnitude(self, image: Tensor, noise: Tensor) -> Tensor:
        """Denoise a magnitude image, float32 `(rows, columns)`; what falls below zero is zero.

        Raises
        ------
        InputError
            As in `__call__`.
        """
        return self._denoised(image, noise).clamp(min=0)

    def _denoised(self, image: Tensor, noise: Tensor) -> Tensor:
        sigma = self.strength * noise
        if not sigma.any():
            return image
        unit = sigma.amax()  # the network scales with its input, numbers of float32 do not
        network = self.loaded.network.to(image.device)
        with torch.no_grad(), computing_in(self.precision, image.device):
            denoised: Tensor = network((image / unit).unsqueeze(0), (sigma / unit).unsqueeze(0))[0]
        return torch.where(sigma > 0, denoised.to(image.dtype) * unit, image)
