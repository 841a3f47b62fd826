"""What a peer made of one slice, as it gives it and with the measured lines put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from recon.coils import rss
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.fourier import fft, ifft


class Outcome(Protocol):
    """Images of one slice, float32 `(rows, columns)`; None is an image that the peer does not offer."""

    def plain(self) -> Tensor | None:
        """Give the image that solves the peer's problem."""

    def consistent(self) -> Tensor | None:
        """Give the image whose k-space holds every measured line as it was measured."""


@dataclass(frozen=True, eq=False)
class CoilImages:
    """Coil images `(coils, readout, phase)` of an acquisition: the one form that every classical result has."""

    coil_images: Tensor
    acquisition: Acquisition

    def plain(self) -> Tensor:
        """Root sum of squares of the coil images."""
        return center_crop(rss(self.coil_images), self.acquisition.crop)

    def consistent(self) -> Tensor:
        """Root sum of squares after the measured lines are put back."""
        return center_crop(rss(ifft(self.consistent_kspace())), self.acquisition.crop)

    def consistent_kspace(self) -> Tensor:
        """K-space `(coils, readout, phase)` of the coil images, but what was measured stays as it was."""
        return torch.where(self.acquisition.mask, self.acquisition.kspace, fft(self.coil_images))


@dataclass(frozen=True, eq=False)
class Images:
    """Finished images."""

    plain_image: Tensor | None
    consistent_image: Tensor | None

    def plain(self) -> Tensor | None:
        """Give the image without data consistency."""
        return self.plain_image

    def consistent(self) -> Tensor | None:
        """Give the image with data consistency."""
        return self.consistent_image
