"""Composes a method and post-processing stages into one method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.postprocessing.noise import complex_image, image_noise
from recon.postprocessing.stage import Stage


@dataclass(frozen=True)
class Composed(Reconstruction):
    """`|f_n(... f_1(x, sigma) ..., sigma)|` for a method's complex image `x` with noise `sigma`, and stages `f`.

    Attributes
    ----------
    method
        Method that reconstructs the complex image.
    stages
        Stages in the order in which they are applied.
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
        return self._improved(image, noise, scans[1:])

    def batch_size(self, device: torch.device) -> int:
        """Return how many slices are reconstructed together: one, because noise is measured slice by slice."""
        del device
        return 1

    def prepare(self) -> None:
        """Prepare the method and the stages.

        Raises
        ------
        InputError
            If one of them cannot be prepared.
        """
        for part in self._parts:
            part.prepare()

    def prepare_coils(self, read: Callable[[], Acquisition]) -> None:
        """Do what the method does with the calibration lines of a slice whose other lines have yet to come."""
        self.method.prepare_coils(lambda: self._scans(read())[0])

    def settings(self) -> dict[str, Any]:
        """Return the settings of the method, and those of each stage under its name."""
        return self.method.settings() | {stage.name: stage.settings() for stage in self.stages}

    def with_settings(self, settings: Mapping[str, Any]) -> Composed:
        """Return a copy with other values of some settings of the method; those of the stages stay."""
        return replace(self, method=self.method.with_settings(settings))

    def range_warnings(self, acquisition: Acquisition) -> list[str]:
        """Return in what respects a slice lies outside the range of the method or of a stage.

        Raises
        ------
        InputError
            If the method or a stage cannot take the slice.
        """
        return [
            warning
            for part, scan in zip(self._parts, self._scans(acquisition), strict=True)
            if part.trained
            for warning in part.range_warnings(scan)
        ]

    def for_replicas(self, acquisition: Acquisition) -> Callable[[Acquisition], Tensor]:
        """Return the reconstruction of altered versions of a slice, whose stages share this slice's noise map.

        Raises
        ------
        InputError
            If the method cannot reconstruct the slice.
        """
        _, noise = image_noise(self.method, self._scans(acquisition)[0])

        def replica(altered: Acquisition) -> Tensor:
            scans = self._scans(altered)
            return self._improved(complex_image(self.method, scans[0]), noise, scans[1:])

        return replica

    def _improved(self, image: Tensor, noise: Tensor, scans: Sequence[Acquisition]) -> Tensor:
        """Apply the stages, each with its slice; where the image changes its size, the noise map is interpolated."""
        for stage, scan in zip(self.stages, scans, strict=True):
            if noise.shape != image.shape:
                noise = interpolate(noise[None, None], image.shape, mode="bilinear")[0, 0]
            image = stage(image.to(torch.complex64), noise, scan)
        return image.abs()

    @property
    def trained(self) -> bool:
        """Whether the method or a stage has trained weights."""
        return any(part.trained for part in self._parts)

    @property
    def _parts(self) -> list[Reconstruction | Stage]:
        """The method and the stages."""
        return [self.method, *self.stages]

    def _scans(self, acquisition: Acquisition) -> list[Acquisition]:
        """Return the slice that the method reconstructs, then the slice of each stage.

        A stage may ask for the image of a part of its slice; the last stage gets the whole slice.
        """
        scans = [acquisition]
        for stage in reversed(self.stages):
            scans.insert(0, stage.scan(scans[0]))
        return scans


def compose(name: str, method: Reconstruction, stages: Sequence[Stage]) -> Composed:
    """Compose a method and stages.

    Parameters
    ----------
    name
        Name of the composed method, for the error message.
    method, stages
        The method, and the stages to apply to its image in this order.

    Raises
    ------
    InputError
        If the method's image has no phase.
    """
    if not method.keeps_phase:
        raise InputError(f"{name}: a stage needs the complex image, but this method returns only its magnitude")
    return Composed(method, tuple(stages))
