"""Define networks that lack or replace one part of the general network, or start from more than it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from recon.classical.sense import IterativeSense, Sense
from recon.models.blocks.refinement import SETS, Estimate, Refinement, sets_to_channels
from recon.models.networks.general_varnet import GeneralVarNet, Start, with_both_sets
from recon.models.networks.kspace_network import UndersampledBatch
from recon.solvers.problem import Problem


class SharedWeights(GeneralVarNet):
    """Uses one U-Net in all cascades."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cascades = nn.ModuleList([self.cascades[0]] * len(self.cascades))


class WithoutLevels(GeneralVarNet):
    """Does not see the noise level or the acceleration."""

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        noise, acceleration = torch.zeros_like(estimate.noise), torch.ones_like(estimate.acceleration)
        return super()._refine(cascade, replace(estimate, noise=noise, acceleration=acceleration))


class FromSense(GeneralVarNet):
    """Starts from the least-squares image, as networks like MoDL may."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.start = Sense()

    def begin(self, batch: UndersampledBatch, iterations: int | None = None) -> Start:  # noqa: ARG002
        """Start with SENSE, to which a number of compressed-sensing iterations does not apply."""
        return super().begin(batch)


class FromZeroFilled(FromSense):
    """Starts from the zero-filled image, as in Sriram et al. (2020)."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.start = _Adjoint()


class _Adjoint(IterativeSense):
    """Takes no iteration at all: `x = A^H y`."""

    def solve(self, problem: Problem) -> Tensor:
        return problem.encoding.adjoint(problem.measured)


class DenoisedLast(GeneralVarNet):
    """Skips the fit to the data after the last U-Net; measured lines are still put back."""

    def _step(self, cascade: nn.Module, estimate: Estimate, problem: Problem, data: Tensor) -> Estimate:
        if cascade is self.cascades[-1]:
            return self._refine(cascade, estimate)
        return super()._step(cascade, estimate, problem, data)


class WideLast(GeneralVarNet):
    """Has a last U-Net of another width.

    Parameters
    ----------
    last
        Channels of the last U-Net.
    arguments
        Arguments of `GeneralVarNet`.
    """

    def __init__(self, last: int, pools: int = 4, memory: int = 8, **arguments: Any) -> None:
        super().__init__(pools=pools, memory=memory, **arguments)
        self.cascades[-1] = Refinement(last, pools, memory)


class TwoStarts(GeneralVarNet):
    """Shows the first U-Net a second image: where it differs from the image of `cs-wavelet`.

    It takes the place of the hidden state, which is zero otherwise. The second image fails elsewhere: SENSE keeps the
    noise and all detail that was measured, total variation keeps edges.

    Parameters
    ----------
    second
        Method of the second image.
    arguments
        Arguments of `GeneralVarNet`; `memory` is at least 4.
    """

    def __init__(self, second: IterativeSense, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.second = second

    def begin(self, batch: UndersampledBatch, iterations: int | None = None) -> Start:
        """Return a start whose images are those of both methods, `(batch, 4, readout, phase)`."""
        started = super().begin(batch, iterations)
        other = with_both_sets(self.second.solve(started.problem))
        return replace(started, images=torch.cat([started.images, other], dim=1))

    def _first(self, started: Start) -> Estimate:
        images, other = torch.split(started.images, SETS, dim=1)
        size = images.abs().square().mean((-3, -2, -1), keepdim=True).mul(SETS).sqrt()
        shown = sets_to_channels((other - images) / torch.where(size > 0, size, 1))
        memory = cast("Refinement", self.cascades[0]).memory
        hidden = torch.cat([shown, shown.new_zeros(len(shown), memory - 2 * SETS, *shown.shape[2:])], dim=1)
        return replace(super()._first(replace(started, images=images)), hidden=hidden)

    def ignore_addition(self) -> None:
        """Set the first U-Net's weights of the second image to zero, as if trained without it."""
        first = cast("Refinement", self.cascades[0]).unet.down_sample_layers[0]
        with torch.no_grad():
            weight: Tensor = first.get_parameter("layers.0.weight")
            weight[:, 2 * SETS + 1 :] = 0
