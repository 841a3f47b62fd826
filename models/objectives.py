"""A network together with what it is trained for, as one module: raw slices in, a loss out."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from recon.crop import center_crop
from recon.data.errors import InputError
from recon.data.training.datasets import Slice
from recon.data.training.split_slices import SplitSlice
from recon.fourier import fft
from recon.models.losses import kspace_loss, weighted_loss


class Supervised(nn.Module):
    """The image of the undersampled slice against the target of the fully sampled one.

    Parameters
    ----------
    network
        From k-space and mask to an image.
    weights
        Of the losses that are summed, by their name.
    """

    def __init__(self, network: nn.Module, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.network = network
        self._weights = dict(weights)

    def forward(self, batch: Slice) -> Tensor:
        """Give the loss, a scalar."""
        images = center_crop(
            self.network(batch.kspace, batch.mask, calibration=batch.calibration, acceleration=batch.acceleration),
            batch.target.shape[-2:],
        )
        return weighted_loss(self._weights, images.float(), batch.target, batch.maximum)


class SelfSupervised(nn.Module):
    """The k-space predicted from the given samples against the samples held back (SSDU, Yaman et al. 2020).

    Parameters
    ----------
    network
        With a method `coil_images(masked_kspace, mask)` that gives complex `(batch, coils, readout, phase)`.

    Raises
    ------
    InputError
        If the network gives no coil images.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not hasattr(network, "coil_images"):
            name = type(network).__name__
            raise InputError(f"{name} gives no coil images, so there is no k-space to train it with; use a VarNet")
        self.network = network

    def forward(self, batch: SplitSlice) -> Tensor:
        """Give the loss, a scalar."""
        given = torch.where(batch.given, batch.kspace, 0)
        coil_images: Tensor = cast("Any", self.network).coil_images(
            given, batch.given, acceleration=batch.acceleration
        )
        return kspace_loss(fft(coil_images), batch.kspace, batch.held)
