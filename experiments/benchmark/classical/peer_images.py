"""Represent a peer's image of one slice, as reconstructed and with the measured lines put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import fft, ifft


class PeerImages(Protocol):
    """Images of one slice, float32 `(rows, columns)`; None stands for an image that the peer does not offer."""

    def plain(self) -> Tensor | None:
        """Return the image that solves the peer's problem."""

    def consistent(self) -> Tensor | None:
        """Return the image whose k-space contains every measured line unchanged."""


@dataclass(frozen=True, eq=False)
class CoilImages:
    """Coil images `(coils, readout, phase)` of an acquisition, which every classical reconstruction can provide."""

    coil_images: Tensor
    acquisition: Acquisition

    def plain(self) -> Tensor:
        """Return the root sum of squares of the coil images."""
        return center_crop(rss(self.coil_images), self.acquisition.crop)

    def consistent(self) -> Tensor:
        """Return the root sum of squares after the measured lines are put back."""
        return center_crop(rss(ifft(self.consistent_kspace())), self.acquisition.crop)

    def consistent_kspace(self) -> Tensor:
        """Return the k-space `(coils, readout, phase)` of the coil images, with measured samples kept as measured."""
        return torch.where(self.acquisition.mask, self.acquisition.kspace, fft(self.coil_images))


@dataclass(frozen=True, eq=False)
class FinishedImages:
    """Images of a peer that returns images instead of coil images."""

    plain_image: Tensor | None
    consistent_image: Tensor | None

    def plain(self) -> Tensor | None:
        """Return the image without data consistency."""
        return self.plain_image

    def consistent(self) -> Tensor | None:
        """Return the image with data consistency."""
        return self.consistent_image
