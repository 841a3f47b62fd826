"""A variational network that starts from compressed sensing, for scanners, coils and anatomy it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from recon.calibration.acs import Acs, batch_calibration_lines
from recon.classical.compressed_sensing import CSWavelet
from recon.classical.dynamic.iterative import IterativeSeries
from recon.classical.sense import IterativeSense
from recon.crop import center_crop
from recon.fourier import fft
from recon.models.blocks.blend import Blend
from recon.models.blocks.fit import LearnedOperator, fit
from recon.models.blocks.refinement import SETS, Estimate, Refinement
from recon.models.networks.kspace_network import KspaceNetwork, UndersampledBatch
from recon.quality.noise_estimate import noise_levels, noise_maps
from recon.solvers.coil_model import CoilModel
from recon.solvers.problem import Problem
from recon.timing import timed

LOW_RESOLUTION, SMALLEST, FIRST_ITERATIONS = 0.5, 48, 24
"""Share of k-space along either axis, fewest samples and compressed-sensing iterations of the first, coarse image."""


@dataclass(frozen=True, eq=False)
class Start:
    """Starting point of `GeneralVarNet` for a batch of slices; no gradient passes through it.

    Attributes
    ----------
    problem
        The least-squares problem.
    images
        complex `(batch, 2, readout, phase)`: first estimate.
    noise
        real `(batch, readout, phase)`: standard deviation of its noise, likewise.
    """

    problem: Problem
    images: Tensor
    noise: Tensor


class GeneralVarNet(KspaceNetwork):
    """Unrolled refinement and least-squares fitting with soft-SENSE maps, starting from compressed sensing.

    Each cascade refines the image by a U-Net that also sees the noise level of every pixel, `z = x - g R(x)`. Then it
    fits `argmin_x 1/2 ||A x - y||^2 + lamda/2 ||x - z||^2`. These are the cascades of Sriram et al. (2020) with the
    fits of Aggarwal et al. (2019). The result is blended with the first estimate as far as it deserves trust, and
    measured samples are restored unchanged at the end.

    The encoding `A` is not learned, so nothing about it has to be unlearned on another scanner. ESPIRiT yields up to
    two maps per pixel, the second where the object folds over in its field of view (Uecker et al. 2014), and the
    problem is solved on a few virtual coils. The first estimate is the image of `cs-wavelet`, so the network learns
    only what sparsity cannot tell.

    Few calibration lines give maps that are too smooth. There the network first reconstructs the image at half the
    resolution and takes the missing central lines from it: maps and image are estimated by turns as in JSENSE (Ying &
    Sheng 2007).

    Parameters
    ----------
    num_cascades
        Number of cascades.
    chans, pools
        Channels and poolings of their U-Nets.
    memory
        Channels of the hidden state that a refinement leaves for the next one.
    iterations
        Number of conjugate-gradient iterations in each fit.
    start_iterations
        Number of compressed-sensing iterations of the first estimate: the default of `cs-wavelet`, or fewer to save
        time.
    map_lines
        Number of central lines from which the maps are estimated; where fewer were measured, a first, coarse image
        fills in the others. 0 to use the measured lines alone.

    Attributes
    ----------
    checkpointing
        Whether training stores only the input of each refinement and recomputes the rest: less memory, more time.
    """

    def __init__(
        self,
        num_cascades: int = 4,
        chans: int = 12,
        pools: int = 4,
        memory: int = 8,
        iterations: int = 5,
        start_iterations: int = 64,
        map_lines: int = 17,
    ) -> None:
        super().__init__()
        self.checkpointing = False
        self.iterations, self.map_lines = iterations, map_lines
        self.start: IterativeSense | IterativeSeries = CSWavelet(iterations=start_iterations)
        self.cascades = nn.ModuleList(Refinement(chans, pools, memory) for _ in range(num_cascades))
        self.blend = Blend()

    def predict(self, batch: UndersampledBatch) -> Tensor:
        """Return the image of every coil, complex `(batch, coils, readout, phase)`."""
        problem, solved = self._unroll(self.begin(batch))
        return problem.coil_images(solved)

    def image(self, batch: UndersampledBatch) -> Tensor:
        """Return images, real `(batch, readout, phase)`."""
        return self.finish(self.begin(batch))

    @torch.no_grad()
    def begin(self, batch: UndersampledBatch, iterations: int | None = None) -> Start:
        """Do what no gradient passes through: maps, compressed sensing, noise maps.

        Parameters
        ----------
        batch
            The slices.
        iterations
            Number of compressed-sensing iterations; None for `start_iterations`.
        """
        acs = batch_calibration_lines(batch.masked_kspace, batch.mask, batch.calibration)
        levels = noise_levels(batch.masked_kspace, batch.mask)
        if self._lacks_lines(batch, acs):
            acs = self._filled(batch, acs, levels)
        return self._begin(batch, acs, levels, iterations)

    def prepare_coils(self, batch: UndersampledBatch) -> None:
        """Learn the coils of slices whose other lines have yet to come, unless these are needed to do it."""
        acs = batch_calibration_lines(batch.masked_kspace, batch.mask, batch.calibration)
        if not self._lacks_lines(batch, acs):
            CoilModel.of(acs, (batch.masked_kspace.shape[-2], batch.masked_kspace.shape[-1]))

    def _begin(self, batch: UndersampledBatch, acs: list[Acs], levels: Tensor, iterations: int | None) -> Start:
        problem = Problem.of(batch.masked_kspace, batch.mask, acs, acceleration=batch.acceleration)
        start = self.start if iterations is None else replace(cast("Any", self.start), iterations=iterations)
        with timed("first estimate"):
            images = with_both_sets(start.solve(problem))
        with timed("noise maps"):
            return Start(problem, images, noise_maps(problem, levels))

    def _lacks_lines(self, batch: UndersampledBatch, acs: Sequence[Acs]) -> bool:
        """Return whether the image has to fill in calibration lines of a slice."""
        return batch.calibration is None and any(map(self._too_few, acs))

    def _too_few(self, acs: Acs) -> bool:
        return acs.lines.shape[-1] < self.map_lines

    def _filled(self, batch: UndersampledBatch, acs: list[Acs], levels: Tensor) -> list[Acs]:
        """Replace too few calibration lines by `map_lines` lines of a reconstruction at low resolution."""
        low = _low_resolution(batch)
        begun = self._begin(low, batch_calibration_lines(low.masked_kspace, low.mask), levels, FIRST_ITERATIONS)
        problem, solved = self._unroll(begun)
        kspace = fft(problem.coil_images(solved)).nan_to_num(0, 0, 0)
        lines = center_crop(kspace, (kspace.shape[-2], min(self.map_lines, kspace.shape[-1])))
        middle = lines.shape[-1] // 2
        return [
            Acs(filled, middle, separate=True) if self._too_few(measured) else measured
            for filled, measured in zip(lines, acs, strict=True)
        ]

    def finish(self, started: Start) -> Tensor:
        """Do the rest: return images, real `(batch, readout, phase)`."""
        problem, solved = self._unroll(started)
        return problem.image(solved)

    def _unroll(self, started: Start) -> tuple[Problem, Tensor]:
        """Return the problem and its solution, complex `(batch, sets, readout, phase)` in its pixel order."""
        problem = started.problem
        with timed("network"):
            data = problem.encoding.adjoint(problem.measured)
            first = before = estimate = self._first(started)
            for cascade in self.cascades:
                before, estimate = estimate, self._step(cascade, estimate, problem, data)
            return problem, solution(problem, self.blend(first, before.images, estimate.images))

    def _first(self, started: Start) -> Estimate:
        """Return the state that the first cascade receives."""
        return Estimate(started.images, started.noise, started.problem.acceleration)

    def _step(self, cascade: nn.Module, estimate: Estimate, problem: Problem, data: Tensor) -> Estimate:
        """Refine the images, then fit them to the measured samples."""
        return self._fit(problem, data, self._refine(cascade, estimate))

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        if self.checkpointing and torch.is_grad_enabled():
            return cast("Estimate", checkpoint(cascade, estimate, use_reentrant=False))
        return cast("Estimate", cascade(estimate))

    def _fit(
        self, problem: Problem, data: Tensor, estimate: Estimate, learned: LearnedOperator | None = None
    ) -> Estimate:
        """Fit refined images to the measured samples."""
        refined, lamda = solution(problem, estimate.images), cast("Tensor", estimate.lamda)
        weight = lamda[:, None, None, None]
        fitted = fit(problem.encoding.normal, data, refined, weight, self.iterations, learned=learned)
        return replace(estimate, images=with_both_sets(fitted))


def _low_resolution(batch: UndersampledBatch) -> UndersampledBatch:
    """Crop k-space to its middle."""
    rows, columns = (
        min(size, max(SMALLEST, 2 * round(LOW_RESOLUTION * size / 2))) for size in batch.masked_kspace.shape[-2:]
    )
    mask = center_crop(batch.mask, (min(rows, batch.mask.shape[-2]), columns))
    return batch._replace(masked_kspace=center_crop(batch.masked_kspace, (rows, columns)), mask=mask)


def with_both_sets(images: Tensor) -> Tensor:
    """Add zero images for missing sets to images `(batch, sets, readout, phase)`."""
    return pad(images, (0, 0, 0, 0, 0, SETS - images.shape[1]))


def solution(problem: Problem, images: Tensor) -> Tensor:
    """Undo `with_both_sets`, with zeros in the sets that a slice lacks: `(batch, sets, readout, phase)`."""
    present = problem.sets_present
    return torch.where(present[..., None, None], images[:, : present.shape[1]], 0)
