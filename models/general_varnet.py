"""The variational network that starts from physics: for scanners, coils and anatomy it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.utils.checkpoint import checkpoint

from data.acquisition import Acquisition, Header
from models.fit import Fit, fit
from models.refinement import SETS, Estimate, Refinement
from models.sensitivity import acs_window
from recon.calibration import FEWEST_LINES
from recon.compressed_sensing import CSWavelet
from recon.compression import compress
from recon.crop import center_crop
from recon.noise import edge_variance
from recon.problem import Problem

START = CSWavelet(iterations=32)
"""From what the cascades begin: half the iterations that compressed sensing takes by itself."""

NOISE_LAMDA, NOISE_ITERATIONS = 3e-3, 12
"""Of the fit that noise is sent through."""

EMERGENCY_LINES = 24
"""Lines about DC from which maps are estimated, gaps or not, where fewer than four neighbours were measured."""

NOISE_WINDOW = 9
"""Pixels over which power is averaged."""

DARKEST = 0.05
"""Share of the image that is taken to be empty."""

AXES = (-3, -2, -1)
"""Of an image: its sets, readout and phase."""


class GeneralVarNet(nn.Module):
    """Unrolled refinement and fitting with soft-SENSE maps, from compressed sensing on.

    Cascades as those of Sriram et al. (2020), with the fits of Aggarwal et al. (2019).


    Nothing of the encoding is learned, so that nothing of it has to be unlearned on another scanner: ESPIRiT gives
    up to two maps a pixel, the second where the object is folded into its field of view (Uecker et al. 2014); all
    is solved on few virtual coils; the first estimate is that of compressed sensing. Each cascade
    refines it by a U-Net that also sees how strong the noise is in every pixel, `z = x - R(x)`, and fits
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
        noise_floor: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointing = False
        self.iterations, self.noise_floor = iterations, noise_floor
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
            images = [
                torch.sqrt(image.square() + floor_power(problem, image, level))
                for problem, image, level in zip(problems, images, noise, strict=True)
            ]
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
        accelerations = [problem.encoding.mask.mean().reciprocal() for problem in problems]
        images = [
            START.solve(problem, float(acceleration))
            for problem, acceleration in zip(problems, accelerations, strict=True)
        ]
        estimate = Estimate(
            images=_together(problems, images),
            noise=torch.stack([noise_map(problem, level) for problem, level in zip(problems, noise, strict=True)]),
            acceleration=torch.stack(accelerations),
        )
        for cascade in self.cascades:
            estimate = self._refine(cascade, estimate)
            images = [
                self._fit(problem, right, denoised[: len(right)], lamda)
                for problem, right, denoised, lamda in zip(
                    problems, data, estimate.images, cast("Tensor", estimate.lamda), strict=True
                )
            ]
            estimate = replace(estimate, images=_together(problems, images))
        return images

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        if self.checkpointing and torch.is_grad_enabled():
            return cast("Estimate", checkpoint(cascade, estimate, use_reentrant=False))
        return cast("Estimate", cascade(estimate))

    def _fit(self, problem: Problem, data: Tensor, denoised: Tensor, lamda: Tensor) -> Tensor:
        """Fit to the measured samples near a denoised image in natural order, complex `(sets, readout, phase)`."""
        near = torch.fft.ifftshift(denoised, dim=problem.encoding.axes)
        fitted: Tensor = Fit.apply(problem.encoding.normal, data, near, lamda, self.iterations, AXES)  # type: ignore[no-untyped-call]
        return fitted


def pose(
    masked_kspace: Tensor, mask: Tensor, num_low_frequencies: int | Tensor | None, calibration: Tensor | None
) -> list[Problem]:
    """Set up the problem of each slice of a batch; shapes as for the `VarNet`."""
    batch, _, readout, phase = masked_kspace.shape
    mask = mask.expand(batch, 1, -1, phase)[:, 0]
    if calibration is None:
        windows = acs_window(mask.unsqueeze(1), num_low_frequencies).expand(batch, 1, readout, phase)[:, 0]
        lines = [_calibration_lines(*one) for one in zip(masked_kspace, windows, strict=True)]
    else:
        lines = [_nonzero(scan) for scan in calibration]
    header = Header(crop=(readout, phase), padding=(0, phase))
    return [
        Problem.of(Acquisition(kspace, _along_phase(sampled), header, calibration=scanned))
        for kspace, sampled, scanned in zip(masked_kspace, mask, lines, strict=True)
    ]


def noise_levels(masked_kspace: Tensor, mask: Tensor) -> list[Tensor]:
    """Estimate the standard deviation of each slice's noise from the ends of the readout; shapes as for `pose`.

    Returns
    -------
    list of Tensor
        Scalars: of complex samples, in the mean over the coils that are not silent.
    """
    sampled = mask.expand(len(masked_kspace), 1, -1, mask.shape[-1])[:, 0]
    variances = [
        edge_variance(kspace, _along_phase(lines)) for kspace, lines in zip(masked_kspace, sampled, strict=True)
    ]
    return [(variance.sum() / (variance > 0).sum().clamp(min=1)).nan_to_num().sqrt() for variance in variances]


def floor_power(problem: Problem, image: Tensor, level: Tensor) -> Tensor:
    """Give the mean power that noise of the lines left out adds to the sum of squares over the coils.

    The ends of the readout tell too much noise where they hold signal. The darkest part of the image holds no less
    power than noise of the measured lines brings, and so bounds it.

    Parameters
    ----------
    problem
        Knows the mask and the coils.
    image
        real `(readout, phase)`, the measured lines put back.
    level
        Scalar: standard deviation of the noise, as the ends of the readout tell.

    Returns
    -------
    Tensor
        Scalar.
    """
    share = problem.encoding.mask.mean()
    coils = problem.kspace.abs().amax((-2, -1)).count_nonzero()
    darkest = _local_mean(image.square()).quantile(DARKEST)
    return torch.minimum(coils * level.square(), darkest / share.clamp(min=1e-6)) * (1 - share)


@torch.no_grad()
def noise_map(problem: Problem, level: Tensor) -> Tensor:
    """Estimate the noise that SENSE would leave in every pixel: one noise image, smoothed.

    White noise passes through a fit that is weighted by brightness (pseudo-replica, Robson et al. 2008); the same
    noise every time, so that a slice gives the same image every time.

    Parameters
    ----------
    problem
        Knows `A`.
    level
        Scalar: standard deviation of the samples, in the scanner's units.

    Returns
    -------
    Tensor
        real `(readout, phase)`: standard deviation, in natural order.
    """
    noise = torch.stack([_white(number, problem.kspace) for number in range(len(problem.kspace))])
    samples = compress(noise, problem.compression) * (level / problem.scale) * problem.encoding.mask
    spread = problem.brightness.sqrt()

    def normal(image: Tensor) -> Tensor:
        return spread * problem.encoding.normal(spread * image)

    right = spread * problem.encoding.adjoint(samples)
    image = spread * fit(normal, right, torch.zeros_like(right), NOISE_LAMDA, NOISE_ITERATIONS, AXES)
    power = torch.fft.fftshift(image.abs().square().sum(0), dim=problem.encoding.axes)
    return _local_mean(power).sqrt()


def _local_mean(power: Tensor) -> Tensor:
    """Average real `(readout, phase)` over a window about each pixel."""
    margin = NOISE_WINDOW // 2
    return avg_pool2d(power[None], NOISE_WINDOW, stride=1, padding=margin, count_include_pad=False)[0]


def _white(number: int, kspace: Tensor) -> Tensor:
    """Draw the white noise, of unit variance, of the coil with this number: complex `(readout, phase)`."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(kspace.shape[1:], generator=generator, dtype=torch.complex64).to(kspace)


def _together(problems: Sequence[Problem], images: Sequence[Tensor]) -> Tensor:
    """Stack images `(sets, readout, phase)` in natural order, a missing second set being empty."""
    natural = [
        torch.fft.fftshift(image, dim=problem.encoding.axes) for problem, image in zip(problems, images, strict=True)
    ]
    return torch.stack(
        [torch.cat([image, image.new_zeros(SETS - len(image), *image.shape[1:])]) for image in natural]
    )


def _along_phase(sampled: Tensor) -> Tensor:
    """Give a mask `(1 or readout, phase)` as `(phase,)` where it is the same for all points of the readout."""
    return sampled[0] if torch.equal(sampled, sampled[:1].expand_as(sampled)) else sampled


def _calibration_lines(kspace: Tensor, window: Tensor) -> Tensor:
    """Cut out the fully sampled rectangle; where it is too narrow, what there is about DC, with its gaps."""
    rows, columns = window.any(dim=-1), window.any(dim=-2)
    if min(int(rows.sum()), int(columns.sum())) < FEWEST_LINES:
        lines = center_crop(kspace, [min(size, EMERGENCY_LINES) for size in kspace.shape[1:]])
    else:
        lines = kspace[:, rows][:, :, columns]
    # A damaged slice gives no maps, and no exception amidst a training either.
    return lines.nan_to_num(0, 0, 0)


def _nonzero(scan: Tensor) -> Tensor:
    """Cut the rectangle that is not empty out of `(coils, readout, phase)`."""
    measured = (scan != 0).any(dim=0)
    rows, columns = measured.any(dim=1), measured.any(dim=0)
    return scan[:, rows][:, :, columns]
