"""Registers the denoisers of the zoo, with trained weights, as post-processing stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import Checkpoint, load_model
from recon.models.checkpoints.locate import locate, shipped_weights
from recon.models.precision import Precision, computing_in
from recon.postprocessing.stage import Stage
from recon.registry import register_stage

WEIGHTS = "dlr"
"""Name of the weights that ship."""


@register_stage("dlr")
@dataclass(frozen=True)
class DlrStage(Stage):
    """Denoise with the network of AiCE, `f(x, strength sigma)` (Kidoh et al. 2020), see `recon.models.networks.dlr`.

    Real and imaginary part are denoised by the same weights, more where the noise map is higher. Where it is zero
    the image is left alone.

    Attributes
    ----------
    checkpoint
        Weights of `recon train dlr`: a file, the name of shipped weights, or `owner/repository:file` on the Hugging
        Face Hub. None for the weights that ship.
    strength
        Factor of the noise map: above 1 for smoother images, below 1 for noisier ones, 0 for no change.
    precision
        Precision of the convolutions, as that of the other networks.
    """

    checkpoint: str | Path | None = None
    strength: Annotated[float, Field(ge=0)] = 1.0
    precision: Precision = "float32"

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

    def prepare(self) -> None:
        """Read the weights.

        Raises
        ------
        InputError
            If the weights are missing, or belong to another network.
        """
        _ = self.loaded

    def settings(self) -> dict[str, Any]:
        """Return the settings, with the name and hash of the weights."""
        return super().settings() | {"checkpoint": self.loaded.path.name, "sha256": self.loaded.sha256}

    @property
    def trained(self) -> bool:
        """Whether the stage has trained weights: yes."""
        return True

    @cached_property
    def loaded(self) -> Checkpoint:
        """The network with its weights, read once."""
        if self.checkpoint is None and WEIGHTS not in shipped_weights():
            raise InputError(
                "no weights ship for dlr: name some with --set dlr.checkpoint=FILE, or train some: `recon train dlr`"
            )
        checkpoint = load_model(locate(WEIGHTS if self.checkpoint is None else self.checkpoint))
        if checkpoint.name != self.name:
            raise InputError(f"{checkpoint.path}: holds weights of the network {checkpoint.name}, not of {self.name}")
        return checkpoint
