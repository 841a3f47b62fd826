"""Define networks whose sensitivity maps are estimated again from a first reconstruction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from recon.calibration.acs import Acs
from recon.fourier import fft
from recon.models.networks.general_varnet import GeneralVarNet, Start, least_squares, natural, solution
from recon.models.networks.kspace_network import UndersampledBatch
from recon.quality.noise_estimate import noise_levels, noise_maps
from recon.solvers.image_phase import image_phase
from recon.solvers.measured import READOUT
from recon.solvers.problem import Problem, soft_maps

REACH = 12
"""Lines on either side of DC, measured or reconstructed, from which maps are estimated again."""

FIRST_ITERATIONS = 24
"""Compressed-sensing iterations of the first reconstruction."""


class MapsFromStart(GeneralVarNet):
    """Starts twice: a short compressed sensing fills the centre of k-space, from which the maps are estimated again.

    At 8x only a few lines about DC are measured, and the maps from them are too smooth. Estimating maps and image by
    turns is the idea of JSENSE (Ying and Sheng 2007). Nothing is learned here, so any weights can be used.
    """

    def begin(self, batch: UndersampledBatch, iterations: int | None = None) -> Start:
        """Do what does not depend on the weights."""
        first = least_squares(batch)
        short = replace(cast("Any", self.start), iterations=FIRST_ITERATIONS)
        problem, _ = estimate_maps(first, short.solve(first))
        start = self.start if iterations is None else replace(cast("Any", self.start), iterations=iterations)
        levels = noise_levels(batch.masked_kspace, batch.mask, self.noise_level)
        return Start(problem, natural(problem, start.solve(problem)), noise_maps(problem, levels))


class MapsMidway(GeneralVarNet):
    """Estimates the maps again after half of the cascades."""

    def _unroll(self, started: Start) -> tuple[Problem, Tensor]:
        problem, estimate = started.problem, self._first(started)
        data = problem.encoding.adjoint(problem.measured)
        for number, cascade in enumerate(self.cascades):
            if number == len(self.cascades) // 2:
                problem, image = estimate_maps(problem, solution(problem, estimate.images))
                estimate = replace(estimate, images=natural(problem, image))
                data = problem.encoding.adjoint(problem.measured)
            estimate = self._step(cascade, estimate, problem, data)
        return problem, solution(problem, estimate.images)


def estimate_maps(problem: Problem, image: Tensor) -> tuple[Problem, Tensor]:
    """Estimate the maps of a problem from the lines about DC of a reconstruction.

    Parameters
    ----------
    problem
        The problems of the slices.
    image
        complex `(batch, sets, readout, phase)`: the reconstruction, in the order of the encoding.

    Returns
    -------
    tuple
        The problem with the new maps, which have the phase of the image, and the same reconstruction through them.
    """
    encoding = problem.encoding
    with torch.no_grad():
        filled = torch.where(encoding.mask, problem.measured, encoding.coil_kspace(image))
        centred = torch.fft.fftshift(filled, dim=encoding.axes)
        if READOUT not in encoding.axes:
            centred = fft(centred, (READOUT,))
        size = image.shape[-2], image.shape[-1]
        middle = size[1] // 2
        reach = min(REACH, middle, size[1] - middle - 1)
        acs = [Acs(one[..., middle - reach : middle + reach + 1], reach) for one in centred]
        maps, present = soft_maps(acs, size)
        found = replace(encoding, sens_maps=torch.fft.ifftshift(maps, dim=encoding.axes))
        phase = image_phase(found, problem.measured, problem.brightness)
        found = replace(found, sens_maps=found.sens_maps * phase.unsqueeze(2))
    again = torch.where(encoding.mask, problem.measured, encoding.coil_kspace(image))
    return replace(problem, encoding=found, sets_present=present), found.combine(again)
