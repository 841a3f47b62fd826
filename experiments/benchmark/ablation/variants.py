"""Define variants of the general network that lack or replace one part, and the network of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from recon.classical.sense import IterativeSense, Sense
from recon.models.blocks.refinement import Estimate
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.varnet import VarNet
from recon.solvers.problem import Problem

SIZE: dict[str, Any] = {"num_cascades": 4, "chans": 12}


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


class FromZeroFilled(GeneralVarNet):
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


@dataclass(frozen=True)
class Variant:
    """A network to train.

    Attributes
    ----------
    description
        Difference from the first variant.
    build
        Function that builds the network with fresh weights.
    """

    description: str
    build: Callable[[], nn.Module]


def _general(description: str, kind: type[GeneralVarNet] = GeneralVarNet, **arguments: int) -> Variant:
    return Variant(description, partial(kind, **(SIZE | arguments)))


VARIANTS: Mapping[str, Variant] = {
    "general": _general("4 cascades of 12 channels, as in the shipped weights"),
    "two-cascades": _general("2 cascades of 17 channels", num_cascades=2, chans=17),
    "eight-cascades": _general("8 cascades of 8 channels", num_cascades=8, chans=8),
    "shared-weights": _general("one U-Net in all cascades", SharedWeights),
    "without-notes": _general("no channels passed from U-Net to U-Net", memory=0),
    "without-levels": _general("without noise map and acceleration", WithoutLevels),
    "from-sense": _general("from SENSE instead of compressed sensing", FromSense),
    "from-zero-filled": _general("from the zero-filled image", FromZeroFilled),
    "denoised-last": _general("no fit to the data after the last U-Net", DenoisedLast),
    "paper": Variant("`fastmri.models.VarNet` with as many parameters", partial(VarNet, sens_chans=4, **SIZE)),
}
