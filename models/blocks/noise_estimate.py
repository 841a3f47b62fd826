"""How much noise there is: in k-space, in every pixel of an image, and what of it lines left out do not bring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from recon.calibration.compression import compress
from recon.calibration.noise import edge_variance
from recon.models.blocks.fit import ALL_AXES, fit
from recon.models.blocks.posing import masks_of
from recon.solvers.problem import Problem

LAMDA, ITERATIONS = 3e-3, 4
"""Of the fit that noise is sent through."""

WINDOW = 9
"""Pixels over which power is averaged."""

DARKEST = 0.05
"""Share of the image that is taken to be empty."""


def noise_levels(masked_kspace: Tensor, mask: Tensor) -> list[Tensor]:
    """Estimate the standard deviation of each slice's noise from the ends of the readout; shapes as for `pose`.

    Returns
    -------
    list of Tensor
        Scalars: of complex samples, in the mean over the coils that are not silent.
    """
    masks = masks_of(mask, len(masked_kspace))
    variances = [edge_variance(kspace, sampled) for kspace, sampled in zip(masked_kspace, masks, strict=True)]
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


def lift(problem: Problem, image: Tensor, level: Tensor) -> Tensor:
    """Add the power of `floor_power`, which has the parameters, to an image `(readout, phase)`."""
    return torch.sqrt(image.square() + floor_power(problem, image, level))


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
    image = spread * fit(normal, right, torch.zeros_like(right), LAMDA, ITERATIONS, ALL_AXES)
    power = torch.fft.fftshift(image.abs().square().sum(0), dim=problem.encoding.axes)
    return _local_mean(power).sqrt()


def _local_mean(power: Tensor) -> Tensor:
    """Average real `(readout, phase)` over a window about each pixel."""
    margin = WINDOW // 2
    return avg_pool2d(power[None], WINDOW, stride=1, padding=margin, count_include_pad=False)[0]


def _white(number: int, kspace: Tensor) -> Tensor:
    """Draw the white noise, of unit variance, of the coil with this number: complex `(readout, phase)`."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(kspace.shape[1:], generator=generator, dtype=torch.complex64).to(kspace)
