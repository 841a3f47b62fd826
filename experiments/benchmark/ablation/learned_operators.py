"""Define networks that learn what the fit to the data holds fixed: the weights of samples, the sensitivity maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from recon.models.blocks.fit import LearnedOperator
from recon.models.blocks.refinement import FAINTEST_NOISE, Estimate
from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.general_varnet import GeneralVarNet, Start, solution
from recon.solvers.encoding import Encoding
from recon.solvers.problem import Problem

NEIGHBOURS = 4
"""Lines on either side over which the density of sampling is averaged."""

COARSER = 4
"""Factor by which maps and their corrections are coarser than images."""

ADDITIONS = frozenset({"weigh", "correct"})
"""Names of the modules that are added to every cascade; before training they change nothing."""


class WeightedConsistency(GeneralVarNet):
    """Weights the samples in every fit, `argmin_x 1/2 ||W^(1/2) (A x - y)||^2 + lamda/2 ||x - z||^2`.

    SDUM (arXiv 2512.17137) learns a table of weights in k-space for every kind of mask. Here a small network computes
    the weight of a sample from the density of sampling about it, its distance from the centre, the acceleration and
    the noise, so that it suits any mask and matrix. All weights are one before training.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for cascade in self.cascades:
            cascade.add_module("weigh", SampleWeights())

    def _step(self, cascade: nn.Module, estimate: Estimate, problem: Problem, data: Tensor) -> Estimate:  # noqa: ARG002
        encoding, measured = problem.encoding, problem.measured
        weights: Tensor = cascade.get_submodule("weigh")(encoding, _levels(estimate))
        # A projection by the mask becomes a product with weights: A^H W A and A^H W y need nothing else.
        weighted = replace(problem, encoding=replace(encoding, mask=weights.detach()))

        def residual(image: Tensor, weights: Tensor) -> Tensor:
            return encoding.combine(weights * (measured - encoding.coil_kspace(image)))

        learned = LearnedOperator(residual, (weights,))
        with torch.no_grad():
            weighted_data = weighted.encoding.adjoint(measured)
        return self._fit(weighted, weighted_data, self._refine(cascade, estimate), learned)


class SampleWeights(nn.Module):
    """Compute the weights of samples, real and of the shape of the mask; zero where nothing was measured."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
        _start_at_zero(self.layers[-1])

    def forward(self, encoding: Encoding, levels: Tensor) -> Tensor:
        """Return weights for masks `(batch, 1, 1 or readout, phase)` and levels `(batch, 2)` of the slices."""
        mask, axes = encoding.mask.float(), encoding.axes
        density, radius = mask, torch.zeros_like(mask)
        for axis in axes:
            shifts = range(-NEIGHBOURS, NEIGHBOURS + 1)
            density = torch.stack([density.roll(shift, axis) for shift in shifts]).mean(0)
            frequency = torch.fft.fftfreq(mask.shape[axis], device=mask.device)
            radius = radius + frequency.square().reshape(-1, *[1] * (-1 - axis))
        ours = levels[:, None, None, None, :].expand(-1, *mask.shape[1:], -1)
        features = torch.cat(
            [torch.stack([density, radius.sqrt()], -1).expand(len(levels), *mask.shape[1:], 2), ours], -1
        )
        logarithm: Tensor = self.layers(features)
        return mask * logarithm[..., 0].float().exp()


class RefinedMaps(GeneralVarNet):
    """Corrects the sensitivity maps before every fit by what the data say against them.

    SDUM (arXiv 2512.17137) estimates maps in every cascade by a network of their own. Here a small network corrects
    those of ESPIRiT. The maps are unchanged before training.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for cascade in self.cascades:
            cascade.add_module("correct", MapCorrection())

    def _unroll(self, started: Start) -> tuple[Problem, Tensor]:
        problem, first = started.problem, self._first(started)
        before = estimate = first
        measured, mask = problem.measured, problem.encoding.mask
        for cascade in self.cascades:
            before, estimate = estimate, self._refine(cascade, estimate)
            encoding = problem.encoding
            maps: Tensor = cascade.get_submodule("correct")(encoding, measured, solution(problem, estimate.images))

            def residual(image: Tensor, maps: Tensor, before: Encoding = encoding) -> Tensor:
                refined = replace(before, sens_maps=maps)
                return refined.combine(mask * (measured - refined.coil_kspace(image)))

            problem = replace(problem, encoding=replace(encoding, sens_maps=maps))
            fixed = replace(problem, encoding=replace(encoding, sens_maps=maps.detach()))
            with torch.no_grad():
                data = fixed.encoding.adjoint(measured)
            estimate = self._fit(fixed, data, estimate, LearnedOperator(residual, (maps,)))
        return problem, solution(problem, self.blend(first, before.images, estimate.images))


class MapCorrection(nn.Module):
    """Compute `S + C(S, x^* F^H M (y - F S x))` coil by coil: the second argument is the slope of the data term.

    Parameters
    ----------
    chans
        Channels of the convolutions, which work on coarse images.
    """

    def __init__(self, chans: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(4, chans, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(chans, chans, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(chans, 2, 3, padding=1),
        )
        _start_at_zero(self.layers[-1])

    def forward(self, encoding: Encoding, measured: Tensor, images: Tensor) -> Tensor:
        """Return maps `(batch, sets, coils, readout, phase)` for images `(batch, sets, readout, phase)`."""
        maps = encoding.sens_maps
        with torch.no_grad():
            missing = encoding.mask * (measured - encoding.coil_kspace(images))
            coil_images = torch.fft.ifftn(missing, dim=encoding.axes, norm="ortho")
            slopes = images.conj().unsqueeze(2) * coil_images.unsqueeze(1)
            power = images.abs().square().mean((-2, -1))[..., None, None, None]
            slopes = slopes / torch.where(power > 0, power, 1)
        size = [max(side // COARSER, 1) for side in maps.shape[-2:]]
        coarse = [interpolate(to_channels(one.flatten(0, 2)), size=size, mode="area") for one in (maps, slopes)]
        fine = interpolate(self.layers(torch.cat(coarse, dim=1)).float(), size=maps.shape[-2:], mode="bilinear")
        correction = from_channels(fine).reshape(maps.shape)
        return maps + correction * (maps != 0)  # sets and coils that a slice lacks stay zero


def _levels(estimate: Estimate) -> Tensor:
    """Return the logarithms of the noise, relative to the image, and of the acceleration, `(batch, 2)`."""
    size = estimate.images.abs().square().mean((-3, -2, -1)).sqrt()
    noise = estimate.noise.mean((-2, -1)) / torch.where(size > 0, size, 1)
    return torch.stack([noise.clamp(min=FAINTEST_NOISE).log10(), estimate.acceleration.log()], dim=-1)


def _start_at_zero(last: nn.Module) -> None:
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
