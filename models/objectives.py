"""Training objectives: modules that hold a network and map a batch of raw slices to a loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from recon.blocking import in_blocks
from recon.crop import fastmri_crop
from recon.data.errors import InputError
from recon.data.training.datasets import Slice
from recon.data.training.patches import NoisyPatches
from recon.data.training.split_slices import SplitSlice
from recon.fourier import fft, ifft
from recon.models.losses import kspace_loss, weighted_loss
from recon.models.networks.general_varnet import Start
from recon.models.networks.kspace_network import UndersampledBatch
from recon.models.networks.postprocessing.sharp import consistent
from recon.models.networks.series.series_network import takes_series
from recon.models.variation import ROWS, can_mirror, conjugate, join, mirror, rotate_phase

SMOOTH = 1e-3
"""Share of an image's mean magnitude that is added to the denominator of its loss, so that images with little missing
detail do not dominate the mean."""


@dataclass(frozen=True, eq=False)
class StartedSlice:
    """A batch of slices after the part of a network that does not depend on its weights.

    Attributes
    ----------
    start
        Starting point of the network.
    target, maximum
        Target and maximum of the `Slice`.
    """

    start: Start
    target: Tensor
    maximum: Tensor

    def varied(self, rng: np.random.Generator) -> StartedSlice:
        """Rotate the phase, and conjugate and mirror at random, which gives as good an example with the same start.

        A mirrored one needs rows that are independent and a target cut symmetrically out of them.
        """
        start, target = rotate_phase(self.start, rng.uniform(-math.pi, math.pi)), self.target
        if rng.random() < 0.5:
            start = conjugate(start)
        is_symmetric = (start.images.shape[ROWS] - target.shape[ROWS]) % 2 == 0
        if rng.random() < 0.5 and can_mirror(start) and is_symmetric:
            start, target = mirror(start), target.flip(ROWS)
        return replace(self, start=start, target=target)


class Supervised(nn.Module):
    """Compare the image of an undersampled slice with the target of the fully sampled one.

    Parameters
    ----------
    network
        Network of the zoo, which maps k-space and mask to an image.
    weights
        Weights of the losses to sum, by name; available: the keys of `recon.models.losses.LOSSES`.
    """

    def __init__(self, network: nn.Module, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.network = network
        self._weights = dict(weights)

    @torch.no_grad()
    def start(self, batch: Slice, iterations: int | None = None) -> StartedSlice:
        """Run the part of the network that does not depend on its weights; only for networks that `can_start`.

        Parameters
        ----------
        batch
            Slices.
        iterations
            Number of compressed-sensing iterations; None for that of the network.
        """
        count = len(batch.kspace)
        # On a CPU slices are started one by one: the iterations of one fit into the cache. Frames need one another.
        size = 1 if in_blocks(batch.kspace) and not takes_series(self.network) else count
        starts = [self._begin(batch, slice(first, first + size), iterations) for first in range(0, count, size)]
        if len({start.problem.encoding.axes for start in starts}) > 1:
            starts = [self._begin(batch, slice(0, count), iterations)]
        start = starts[0] if len(starts) == 1 else join(starts)
        return StartedSlice(start, batch.target, batch.maximum)

    def _begin(self, batch: Slice, part: slice, iterations: int | None) -> Start:
        calibration = None if batch.calibration is None else batch.calibration[part]
        undersampled = UndersampledBatch(
            batch.kspace[part], batch.mask[part], calibration=calibration, acceleration=batch.acceleration[part]
        )
        begun: Start = cast("Any", self.network).begin(undersampled, iterations)
        return begun

    def forward(self, batch: Slice | StartedSlice) -> Tensor:
        """Return the loss of a batch, a scalar."""
        if isinstance(batch, StartedSlice):
            images: Tensor = cast("Any", self.network).finish(batch.start)
        else:
            images = self.network(
                batch.kspace, batch.mask, calibration=batch.calibration, acceleration=batch.acceleration
            )
        cropped = fastmri_crop(images, batch.target.shape[-2:])
        return weighted_loss(self._weights, cropped.float(), batch.target, batch.maximum)


def can_start(network: nn.Module) -> bool:
    """Return whether a network separates the part that does not depend on its weights, as `GeneralVarNet` does."""
    return hasattr(network, "begin") and hasattr(network, "finish")


class SelfSupervised(nn.Module):
    """Compare the k-space predicted from the given samples with the samples held back (SSDU, Yaman et al. 2020).

    Parameters
    ----------
    network
        Network with a method `coil_images` that returns complex `(batch, coils, readout, phase)`.

    Raises
    ------
    InputError
        If the network has no `coil_images`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not hasattr(network, "coil_images"):
            name = type(network).__name__
            raise InputError(f"{name} predicts no coil images, so it cannot be trained on k-space; use a VarNet")
        self.network = network

    def forward(self, batch: SplitSlice) -> Tensor:
        """Return the loss of a batch, a scalar."""
        given = torch.where(batch.given, batch.kspace, 0)
        coil_images: Tensor = cast("Any", self.network).coil_images(
            given, batch.given, acceleration=batch.acceleration
        )
        return kspace_loss(fft(coil_images), batch.kspace, batch.held)


class Denoising(nn.Module):
    """Compare denoised patches with those without noise: logarithm of the mean square error of each.

    Decibels gained on any patch count alike. Without the logarithm, patches with little noise decide over everything,
    because the same change of the image is a multiple of their noise, and training at a useful rate diverges.

    Parameters
    ----------
    network
        Denoiser of the zoo, which maps images and the standard deviation of their noise to images.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: NoisyPatches) -> Tensor:
        """Return the mean over the patches of `log(MSE / sigma^2)`, a scalar; 0 if the network changes nothing."""
        noisy, clean, sigma = (tensor.flatten(0, 1) for tensor in batch)
        error = (self.network(noisy, sigma) - clean) / sigma
        parts = 2 if noisy.is_complex() else 1
        return (error.abs().square().mean((-2, -1)) / parts).log().mean()


class Enlarging(nn.Module):
    """Compare enlarged images with those of full resolution: mean absolute error of what was not measured.

    Parameters
    ----------
    network
        Enlarger of the zoo, which maps images, the standard deviation of their noise and a size to images of that
        size.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: NoisyPatches) -> Tensor:
        """Return the loss of a batch, a scalar: 1 for zeros around the measured k-space, 0 for a perfect image.

        Only the k-space around the measured one counts, because the network cannot change the noise inside.
        """
        noisy, clean, sigma = (tensor.flatten(0, 1) for tensor in batch)
        enlarged, nothing, size = self.network(noisy, sigma, clean.shape[-2:]), clean.new_zeros(()), noisy.shape[-2:]
        missing, error = (
            ifft(consistent(fft(images), nothing, size)).abs().mean((-2, -1)) for images in (clean, enlarged - clean)
        )
        return (error / (missing + SMOOTH * clean.abs().mean((-2, -1)))).mean()
