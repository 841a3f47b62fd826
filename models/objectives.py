"""Training objectives: modules that hold a network and map a batch of raw slices to a loss."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from recon.crop import fastmri_crop
from recon.data.errors import InputError
from recon.data.training.datasets import Slice
from recon.data.training.split_slices import SplitSlice
from recon.fourier import fft
from recon.models.losses import kspace_loss, weighted_loss


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

    def forward(self, batch: Slice) -> Tensor:
        """Return the loss of a batch, a scalar."""
        images = fastmri_crop(
            self.network(batch.kspace, batch.mask, calibration=batch.calibration, acceleration=batch.acceleration),
            batch.target.shape[-2:],
        )
        return weighted_loss(self._weights, images.float(), batch.target, batch.maximum)


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
