"""The base class of networks: one signature for all of them, and what a batch of slices consists of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from recon.coils import rss


class UndersampledBatch(NamedTuple):
    """A batch of undersampled slices.

    Attributes
    ----------
    masked_kspace
        complex `(batch, coils, readout, phase)`, zero where not measured.
    mask
        bool `(batch or 1, 1, 1 or readout, phase)`, True where measured.
    num_low_frequencies
        Number of auto-calibration lines from which learned maps are computed, one for the batch or one per slice;
        found in the mask where None or zero. ESPIRiT maps use all lines about DC.
    calibration
        complex `(batch, coils, readout, phase)`: separate reference scan from which to estimate the sensitivity maps,
        zero where not measured. None to use the centre of `masked_kspace`.
    acceleration
        real `(batch,)`: number of samples of a full scan over the number measured. None to count them in the mask,
        which assumes that k-space is not padded.
    """

    masked_kspace: Tensor
    mask: Tensor
    num_low_frequencies: int | Tensor | None = None
    calibration: Tensor | None = None
    acceleration: Tensor | None = None


class KspaceNetwork(nn.Module, ABC):
    """Base class of networks that predict the image of every coil; subclasses implement `predict`."""

    @abstractmethod
    def predict(self, batch: UndersampledBatch) -> Tensor:
        """Return the image of every coil, complex `(batch, coils, readout, phase)`."""

    def image(self, batch: UndersampledBatch) -> Tensor:
        """Return images, real `(batch, readout, phase)`: the root sum of squares over the coils."""
        return rss(self.predict(batch))

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct images, real `(batch, readout, phase)`; for the parameters see `UndersampledBatch`."""
        return self.image(UndersampledBatch(masked_kspace, mask, num_low_frequencies, calibration, acceleration))

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct the image of every coil, complex `(batch, coils, readout, phase)`; parameters as `forward`."""
        return self.predict(UndersampledBatch(masked_kspace, mask, num_low_frequencies, calibration, acceleration))
