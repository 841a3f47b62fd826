"""The base class of unrolled networks that reconstruct the frames of a series together."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from recon.models.networks.kspace_network import UndersampledBatch
from recon.models.networks.sense_network import SenseNetwork
from recon.preprocessing.time_average import mean_over_time


class SeriesNetwork(SenseNetwork):
    """Base class of networks whose batch is one series: its frames, in the order of time, are the batch axis.

    The frames share their maps, which are those of the mean over time unless there is a reference scan, and one
    scale, that of the brightest zero-filled frame.
    """

    takes_series: ClassVar[bool] = True

    def largest(self, kspace: Tensor) -> Tensor:
        """Return the largest value of all zero-filled frames, real `(1, 1, 1, 1)`."""
        return super().largest(kspace).amax(0, keepdim=True)

    def sens_maps(self, batch: UndersampledBatch) -> Tensor:
        """Estimate the maps of the series, complex `(frames, 1, coils, readout, phase)`, the same for all frames."""
        frames = len(batch.masked_kspace)
        mask = batch.mask.expand(frames, -1, -1, -1)
        mean = mean_over_time(batch.masked_kspace.unbind(), mask)
        reference = None if batch.calibration is None else batch.calibration[:1]
        maps = super().sens_maps(UndersampledBatch(mean.unsqueeze(0), mask.any(0, keepdim=True), None, reference))
        return maps.expand(frames, -1, -1, -1, -1)


def takes_series(network: nn.Module | type[nn.Module]) -> bool:
    """Return whether a network reconstructs all frames of a series together."""
    return getattr(network, "takes_series", False)
