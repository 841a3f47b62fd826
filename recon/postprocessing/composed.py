"""Composes a method and post-processing stages to one method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.postprocessing.noise import image_noise
from recon.postprocessing.stage import Stage


@dataclass(frozen=True)
class Composed(Reconstruction):
    """`|f_n(... f_1(x, sigma) ..., sigma)|`: a method's complex image `x` through stages `f` that know its noise.

    Attributes
    ----------
    method
        The method.
    stages
        The stages, in the order in which they are applied.
    """

    method: Reconstruction
    stages: tuple[Stage, ...]

    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`.

        Raises
        ------
        InputError
            If the method cannot reconstruct the slice, or a stage cannot improve the image.
        """
        scans = self._scans(acquisition)
        image, noise = image_noise(self.method, scans[0])
        for stage, scan in zip(self.stages, scans[1:], strict=True):
            if noise.shape != image.shape:
                noise = interpolate(noise[None, None], image.shape, mode="bilinear")[0, 0]
            image = stage(image.to(torch.complex64), noise, scan)
        return image.abs()

    def batch_size(self, device: torch.device) -> int:
        """Return how many slices are reconstructed together: one, since the noise of each is measured by itself."""
        del device
        return 1

    def prepare(self) -> None:
        """Load what the method and the stages load.

        Raises
        ------
        InputError
            If it cannot be loaded.
        """
        for part in (self.method, *self.stages):
            part.prepare()

    def settings(self) -> dict[str, Any]:
        """Return the settings of the method, and those of each stage under its name."""
        return self.method.settings() | {stage.name: stage.settings() for stage in self.stages}

    def range_warnings(self, acquisition: Acquisition) -> list[str]:
        """Return in what respects a slice lies outside the range of the method or of a stage.

        Raises
        ------
        InputError
            If the slice cannot be given to the method or a stage.
        """
        parts: list[Reconstruction | Stage] = [self.method, *self.stages]
        return [
            warning
            for part, scan in zip(parts, self._scans(acquisition), strict=True)
            if part.trained
            for warning in part.range_warnings(scan)
        ]

    @property
    def trained(self) -> bool:
        """Whether the method or a stage has trained weights."""
        return self.method.trained or any(stage.trained for stage in self.stages)

    def _scans(self, acquisition: Acquisition) -> list[Acquisition]:
        """Return the slice that the method reconstructs, and that which each stage gets.

        A stage may have what is before it reconstruct a part of its slice; the last one gets the whole.
        """
        scans = [acquisition]
        for stage in reversed(self.stages):
            scans.insert(0, stage.scan(scans[0]))
        return scans


def compose(name: str, method: Reconstruction, stages: Sequence[Stage]) -> Composed:
    """Put stages behind a method.

    Parameters
    ----------
    name
        Name of the composed method, for the message.
    method, stages
        What is composed.

    Raises
    ------
    InputError
        If the method's image has no phase.
    """
    if not method.keeps_phase:
        raise InputError(f"{name}: a stage needs the complex image, and this method gives only its magnitude")
    return Composed(method, tuple(stages))
