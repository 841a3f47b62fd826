"""The variational network that starts from physics: for scanners, coils and anatomy it never saw."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from recon.calibration.acs import FEWEST_LINES, batch_calibration_lines
from recon.classical.compressed_sensing import CSWavelet
from recon.classical.sense import IterativeSense
from recon.models.blocks.fit import fit
from recon.models.blocks.refinement import SETS, Estimate, Refinement
from recon.quality.noise_estimate import lift, noise_levels, noise_maps
from recon.solvers.problem import Problem


class GeneralVarNet(nn.Module):
    """Unrolled refinement and fitting with soft-SENSE maps, from compressed sensing on.

    Cascades as those of Sriram et al. (2020), with the fits of Aggarwal et al. (2019). Nothing of the encoding is
    learned, so that nothing of it has to be unlearned on another scanner: ESPIRiT gives up to two maps a pixel, the
    second where the object is folded into its field of view (Uecker et al. 2014); all is solved on few virtual coils;
    the first estimate is that of `cs-wavelet`, so that there remains to be learned what sparsity cannot know. Each
    cascade refines it by a U-Net that also sees how strong the noise is in every pixel, `z = x - R(x)`, and fits
    `argmin_x 1/2 ||A x - y||^2 + lamda/2 ||x - z||^2`. What was measured is put back at the end, unchanged.

    Parameters
    ----------
    num_cascades
        Number of refinements.
    chans, pools
        Of their U-Nets.
    memory
        Channels in which a refinement leaves notes for the next one.
    iterations
        Of conjugate gradients in each fit.
    start_iterations
        Of compressed sensing, for the first estimate; as many as it takes by itself, or fewer where time counts.
    noise_floor
        Whether, out of training, the image gets the mean power of the noise that the lines left out would have
        brought: for weights trained on noise-free targets, as scores and eyes compare with root sums of squares of
        full scans, which noise lifts (Gudbjartsson & Patz 1995).

    Attributes
    ----------
    checkpointing
        Whether training keeps only what enters each refinement and computes the rest again: less memory, more time.
    """

    def __init__(
        self,
        num_cascades: int = 4,
        chans: int = 12,
        pools: int = 4,
        memory: int = 8,
        iterations: int = 5,
        start_iterations: int = 64,
        noise_floor: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointing = False
        self.iterations, self.noise_floor = iterations, noise_floor
        self.start: IterativeSense = CSWavelet(iterations=start_iterations)
        self.cascades = nn.ModuleList(Refinement(chans, pools, memory) for _ in range(num_cascades))

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices.

        Parameters
        ----------
        masked_kspace, mask, num_low_frequencies, calibration, acceleration
            As for the `VarNet`.

        Returns
        -------
        Tensor
            real `(batch, readout, phase)`: the root sum of squares over the coils.
        """
        problem = pose(masked_kspace, mask, num_low_frequencies, calibration, acceleration)
        levels = noise_levels(masked_kspace, mask)
        images = problem.image(self._solve(problem, levels))
        return lift(problem, images, levels) if self.noise_floor and not self.training else images

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
        acceleration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices to complex coil images `(batch, coils, readout, phase)`."""
        problem = pose(masked_kspace, mask, num_low_frequencies, calibration, acceleration)
        return problem.coil_images(self._solve(problem, noise_levels(masked_kspace, mask)))

    def _solve(self, problem: Problem, levels: Tensor) -> Tensor:
        """Return the solutions, complex `(batch, sets, readout, phase)` in the order of the encoding."""
        data = problem.encoding.adjoint(problem.measured)
        estimate = Estimate(
            images=_natural(problem, self.start.solve(problem)),
            noise=noise_maps(problem, levels),
            acceleration=problem.acceleration,
        )
        for cascade in self.cascades:
            estimate = self._step(cascade, estimate, problem, data)
        return _solution(problem, estimate.images)

    def _step(self, cascade: nn.Module, estimate: Estimate, problem: Problem, data: Tensor) -> Estimate:
        """Refine, then fit."""
        return self._fit(problem, data, self._refine(cascade, estimate))

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        if self.checkpointing and torch.is_grad_enabled():
            return cast("Estimate", checkpoint(cascade, estimate, use_reentrant=False))
        return cast("Estimate", cascade(estimate))

    def _fit(self, problem: Problem, data: Tensor, estimate: Estimate) -> Estimate:
        """Fit refined images to the measured samples."""
        refined, lamda = _solution(problem, estimate.images), cast("Tensor", estimate.lamda)
        fitted = fit(problem.encoding.normal, data, refined, lamda[:, None, None, None], self.iterations)
        return replace(estimate, images=_natural(problem, fitted))


def pose(
    masked_kspace: Tensor,
    mask: Tensor,
    num_low_frequencies: int | Tensor | None = None,
    calibration: Tensor | None = None,
    acceleration: Tensor | None = None,
) -> Problem:
    """Pose the problems of a batch, even of scans without enough calibration lines; shapes as for the `VarNet`."""
    lines = batch_calibration_lines(masked_kspace, mask, num_low_frequencies, calibration, FEWEST_LINES)
    return Problem.of(masked_kspace, mask, lines, acceleration=acceleration)


def _natural(problem: Problem, images: Tensor) -> Tensor:
    """Bring images `(batch, sets, readout, phase)` to natural order, with empty ones for missing sets."""
    natural = torch.fft.fftshift(images, dim=problem.encoding.axes)
    return pad(natural, (0, 0, 0, 0, 0, SETS - images.shape[1]))


def _solution(problem: Problem, images: Tensor) -> Tensor:
    """Undo `_natural`; nothing is left in sets that a slice does not have."""
    present = problem.sets_present
    shifted = torch.fft.ifftshift(images[:, : present.shape[1]], dim=problem.encoding.axes)
    return torch.where(present[..., None, None], shifted, 0)
