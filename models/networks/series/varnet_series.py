"""The general variational network for series of frames, starting from low rank plus sparse."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from recon.calibration.acs import FEWEST_LINES, Acs, batch_calibration_lines
from recon.classical.dynamic.low_rank_sparse import LowRankSparse
from recon.models.blocks.frames import FrameRefinement
from recon.models.networks.general_varnet import GeneralVarNet, Start
from recon.models.networks.kspace_network import UndersampledBatch
from recon.preprocessing.time_average import mean_over_time
from recon.quality.noise_estimate import noise_levels


class VarNetSeries(GeneralVarNet):
    """The cascades of the general variational network on all frames of a series, which see their neighbours.

    The first estimate is the series of `l+s` (Otazo et al. 2015). Each cascade refines every frame by a U-Net that
    sees the frames before and after as well, `z_t = x_t - g R(x_(t-n), ..., x_(t+n))`, and fits it to the samples of
    the frame. All frames share maps and virtual coils, those of the mean over time, and one scale.

    Parameters
    ----------
    num_cascades, chans, pools, memory, iterations
        As for the `GeneralVarNet`.
    start_iterations
        Number of iterations of the first estimate.
    neighbours
        Number of frames before, and after, that a U-Net sees.
    circular
        Whether the first frame follows the last, as in a series over one heart beat.
    """

    takes_series: ClassVar[bool] = True

    def __init__(
        self,
        num_cascades: int = 4,
        chans: int = 12,
        pools: int = 4,
        memory: int = 8,
        iterations: int = 5,
        start_iterations: int = 30,
        neighbours: int = 2,
        circular: bool = True,
    ) -> None:
        super().__init__(0, iterations=iterations, map_lines=0)
        self.start = LowRankSparse(iterations=start_iterations)
        self.cascades = nn.ModuleList(
            FrameRefinement(chans, pools, memory, neighbours, circular) for _ in range(num_cascades)
        )

    @torch.no_grad()
    def begin(self, batch: UndersampledBatch, iterations: int | None = None) -> Start:
        """Do what no gradient passes through: maps, low rank plus sparse, noise maps.

        Parameters
        ----------
        batch
            The frames of a series, in the order of time.
        iterations
            Number of iterations of the first estimate; None for `start_iterations`.
        """
        levels = noise_levels(batch.masked_kspace, batch.mask)
        return self._begin(batch, [calibration_of(batch)], levels, iterations)


def calibration_of(batch: UndersampledBatch) -> Acs:
    """Return the calibration lines of the mean over time, or the reference scan if they are too few."""
    mask = batch.mask.expand(len(batch.masked_kspace), -1, -1, -1)
    mean = mean_over_time(batch.masked_kspace.unbind(), mask)
    (found,) = batch_calibration_lines(mean.unsqueeze(0), mask.any(0, keepdim=True))
    if min(found.lines.shape[1:]) >= FEWEST_LINES or batch.calibration is None:
        return found
    (reference,) = batch_calibration_lines(mean.unsqueeze(0), mask[:1], batch.calibration[:1])
    return reference
