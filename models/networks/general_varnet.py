"""The variational network that starts from physics: for scanners, coils and anatomy it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from recon.classical.compressed_sensing import CSWavelet
from recon.models.blocks.fit import ALL_AXES, Fit
from recon.models.blocks.noise_estimate import lift, noise_levels, noise_map
from recon.models.blocks.posing import pose
from recon.models.blocks.refinement import SETS, Estimate, Refinement
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
        self.start = CSWavelet(iterations=start_iterations)
        self.cascades = nn.ModuleList(Refinement(chans, pools, memory) for _ in range(num_cascades))

    def forward(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices.

        Parameters
        ----------
        masked_kspace, mask, num_low_frequencies, calibration
            As for the `VarNet`.

        Returns
        -------
        Tensor
            real `(batch, readout, phase)`: the root sum of squares over the coils.
        """
        problems = pose(masked_kspace, mask, num_low_frequencies, calibration)
        noise = noise_levels(masked_kspace, mask)
        solutions = self._solve(problems, noise)
        images = [problem.image(found) for problem, found in zip(problems, solutions, strict=True)]
        if self.noise_floor and not self.training:
            images = [lift(*one) for one in zip(problems, images, noise, strict=True)]
        return torch.stack(images)

    def coil_images(
        self,
        masked_kspace: Tensor,
        mask: Tensor,
        num_low_frequencies: int | Tensor | None = None,
        calibration: Tensor | None = None,
    ) -> Tensor:
        """Reconstruct a batch of slices to complex coil images `(batch, coils, readout, phase)`."""
        problems = pose(masked_kspace, mask, num_low_frequencies, calibration)
        solutions = self._solve(problems, noise_levels(masked_kspace, mask))
        return torch.stack([problem.coil_images(found) for problem, found in zip(problems, solutions, strict=True)])

    def _solve(self, problems: Sequence[Problem], noise: Sequence[Tensor]) -> list[Tensor]:
        """Find the solution of each problem, complex `(sets, readout, phase)` in the order of its encoding."""
        data = [problem.encoding.adjoint(problem.measured) for problem in problems]
        estimate = Estimate(
            images=_together(problems, list(map(self._begin, problems))),
            noise=torch.stack([noise_map(problem, level) for problem, level in zip(problems, noise, strict=True)]),
            acceleration=torch.stack([problem.encoding.mask.mean().reciprocal() for problem in problems]),
        )
        for cascade in self.cascades:
            estimate = self._step(cascade, estimate, problems, data)
        return _apart(problems, estimate.images)

    def _begin(self, problem: Problem) -> Tensor:
        """Give the first estimate, complex `(sets, readout, phase)` in the order of the encoding."""
        return self.start.solve(problem, float(problem.encoding.mask.mean().reciprocal()))

    def _step(
        self, cascade: nn.Module, estimate: Estimate, problems: Sequence[Problem], data: Sequence[Tensor]
    ) -> Estimate:
        """Refine, then fit."""
        return self._fit(problems, data, self._refine(cascade, estimate))

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        if self.checkpointing and torch.is_grad_enabled():
            return cast("Estimate", checkpoint(cascade, estimate, use_reentrant=False))
        return cast("Estimate", cascade(estimate))

    def _fit(self, problems: Sequence[Problem], data: Sequence[Tensor], estimate: Estimate) -> Estimate:
        """Fit to the measured samples near refined images."""
        refined, lamdas = _apart(problems, estimate.images), cast("Tensor", estimate.lamda)
        fitted: list[Tensor] = [
            Fit.apply(problem.encoding.normal, right, near, lamda, self.iterations, ALL_AXES)  # type: ignore[no-untyped-call]
            for problem, right, near, lamda in zip(problems, data, refined, lamdas, strict=True)
        ]
        return replace(estimate, images=_together(problems, fitted))


def _together(problems: Sequence[Problem], images: Sequence[Tensor]) -> Tensor:
    """Stack images `(sets, readout, phase)` in natural order, a missing second set being empty."""
    natural = [
        torch.fft.fftshift(image, dim=problem.encoding.axes) for problem, image in zip(problems, images, strict=True)
    ]
    return torch.stack(
        [torch.cat([image, image.new_zeros(SETS - len(image), *image.shape[1:])]) for image in natural]
    )


def _apart(problems: Sequence[Problem], images: Tensor) -> list[Tensor]:
    """Undo `_together`."""
    return [
        torch.fft.ifftshift(image[: len(problem.encoding.sens_maps)], dim=problem.encoding.axes)
        for problem, image in zip(problems, images, strict=True)
    ]
