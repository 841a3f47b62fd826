"""Registers the networks of the zoo that enlarge images, with trained weights, as post-processing stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor

from recon.data.acquisition import Acquisition, Size
from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate
from recon.models.precision import computing_in
from recon.models.stages.learned_stage import LearnedStage
from recon.models.zoo import ENLARGERS
from recon.preprocessing.measured_centre import measured_centre
from recon.registry import create_stage, register_stage

LARGEST_FACTOR = 2.0
"""Largest factor by which an axis is enlarged."""

TOLERANCE = 1.15
"""Factor by which that one may be exceeded, because the outermost lines of a sampling pattern may be missing."""


@dataclass(frozen=True)
class EnlargingStage(LearnedStage):
    """Predict the k-space around the measured one with an enlarger of the zoo; the measured samples stay.

    Where nothing but the centre of k-space was measured, along both axes or along phase, the method before this stage
    reconstructs that centre alone: an image on larger pixels, which is then enlarged to the matrix of the scan.

    Attributes
    ----------
    factor
        Factor by which the image of any other scan is enlarged along both axes, up to 2, on smaller pixels; 1 changes
        nothing.
    """

    factor: Annotated[float, Field(ge=1, le=LARGEST_FACTOR)] = 1.0

    def scan(self, acquisition: Acquisition) -> Acquisition:
        """Return the slice, cut to the centre of k-space where nothing else was measured."""
        return measured_centre(acquisition)

    def __call__(self, image: Tensor, noise: Tensor, acquisition: Acquisition) -> Tensor:
        """Enlarge complex64 `(rows, columns)`, given the noise of each pixel, to `(larger rows, larger columns)`.

        Raises
        ------
        InputError
            If the weights are missing or belong to another network, or the measured centre is too small.
        """
        size = self.size(acquisition)
        return image if size == image.shape else self.enlarge(image, noise, size)

    def enlarge(self, image: Tensor, noise: Tensor, size: Size) -> Tensor:
        """Enlarge complex64 `(rows, columns)`, given the noise of each pixel, to a size up to twice that.

        Raises
        ------
        InputError
            If the weights are missing or belong to another network.
        """
        unit = image.abs().amax()  # the network scales with its input, numbers of float32 do not
        if not unit:
            return image.new_zeros(size)
        network = self.loaded.network.to(image.device)
        with torch.no_grad(), computing_in(self.precision, image.device):
            enlarged: Tensor = network((image / unit).unsqueeze(0), (noise / unit).unsqueeze(0), size)[0]
        return enlarged.to(image.dtype) * unit

    def size(self, acquisition: Acquisition) -> Size:
        """Return the size of the enlarged image of a slice.

        Raises
        ------
        InputError
            If the measured centre is too small.
        """
        centre, (rows, columns) = self.scan(acquisition), acquisition.crop
        if centre is acquisition:
            return round(self.factor * rows), round(self.factor * columns)
        for axis, whole, kept in zip(("readout", "phase"), acquisition.matrix, centre.matrix, strict=True):
            if whole > TOLERANCE * LARGEST_FACTOR * kept:
                raise InputError(
                    f"{acquisition.name}: only the {kept} central samples of {whole} along {axis} were measured; "
                    f"{self.name} enlarges an image up to {LARGEST_FACTOR:g} times along either axis"
                )
        return rows, columns

    def range_warnings(self, acquisition: Acquisition) -> list[str]:
        """Warn that there is nothing to enlarge if k-space fills its matrix and no factor was given."""
        filled = self.factor == 1 and self.scan(acquisition) is acquisition
        warning = f"k-space fills its matrix, so {self.name} changes nothing; {self.name}.factor=2 enlarges it"
        return [warning] if filled else []


@register_stage("sharp")
@dataclass(frozen=True)
class SharpStage(EnlargingStage):
    """Enlarge with the unrolled network of `recon.models.networks.postprocessing.sharp`."""


@register_stage("mfcn")
@dataclass(frozen=True)
class MfcnStage(EnlargingStage):
    """Enlarge with the multi-scale fusion network of Liu et al. 2018."""


def enlarging_stage(checkpoint: str | Path) -> EnlargingStage:
    """Return the stage that weights belong to.

    Parameters
    ----------
    checkpoint
        Weights of an enlarger, as `LearnedStage.checkpoint`.

    Raises
    ------
    InputError
        If the weights are missing, damaged, or those of a network that enlarges nothing.
    """
    weights = load_model(locate(checkpoint))
    if weights.name not in ENLARGERS:
        raise InputError(
            f"{weights.path}: holds weights of the network {weights.name}, which enlarges nothing; "
            f"available: {', '.join(ENLARGERS)}"
        )
    stage = create_stage(weights.name, {"checkpoint": checkpoint})
    return cast("EnlargingStage", stage)
