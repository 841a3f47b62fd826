"""Define networks that get more out of few calibration lines: a better phase of the maps, or better maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch

from recon.calibration.acs import batch_calibration_lines
from recon.fourier import fft
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.kspace_network import UndersampledBatch
from recon.solvers.problem import Problem

REACH = 8
"""Lines on either side of DC, measured or reconstructed, from which maps are estimated again."""


class ImagePhase(GeneralVarNet):
    """Gives maps from the scan's own calibration lines the phase of a SENSE image, as if they were a separate scan's.

    The phase of few lines is too smooth, so that the image through the maps is not nearly real.
    """

    def _pose(self, batch: UndersampledBatch) -> Problem:
        acs = batch_calibration_lines(batch.masked_kspace, batch.mask, batch.calibration)
        foreign = [replace(one, separate=True) for one in acs]
        return Problem.of(batch.masked_kspace, batch.mask, foreign, acceleration=batch.acceleration)


class MapsFromStart(GeneralVarNet):
    """Starts twice: a first compressed sensing fills the centre of k-space, from which the maps are estimated again.

    At 8x only a few lines about DC are measured, and the maps from them are too smooth. Estimating maps and image by
    turns is the idea of JSENSE (Ying and Sheng 2007). Nothing is learned here.

    Parameters
    ----------
    first_iterations
        Number of iterations of the first compressed sensing.
    arguments
        Those of `GeneralVarNet`.
    """

    def __init__(self, first_iterations: int = 24, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first_iterations = first_iterations

    def _pose(self, batch: UndersampledBatch) -> Problem:
        problem = super()._pose(batch)
        if batch.calibration is not None:
            return problem
        first = replace(cast("Any", self.start), iterations=self.first_iterations)
        with torch.no_grad():
            filled = fft(problem.coil_images(first.solve(problem)))
        own = batch_calibration_lines(batch.masked_kspace, batch.mask)
        reach = max(REACH, *(min(one.dc, one.lines.shape[-1] - one.dc - 1) for one in own))
        index = torch.arange(filled.shape[-1], device=filled.device) - filled.shape[-1] // 2
        return super()._pose(batch._replace(calibration=torch.where(index.abs() <= reach, filled, 0)))
