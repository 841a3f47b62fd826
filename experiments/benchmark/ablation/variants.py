"""The general network without one of its parts, or with another in its place; and the network of the paper."""

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
    """One U-Net in all cascades."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cascades = nn.ModuleList([self.cascades[0]] * len(self.cascades))


class WithoutLevels(GeneralVarNet):
    """Told neither of noise nor of acceleration."""

    def _refine(self, cascade: nn.Module, estimate: Estimate) -> Estimate:
        noise, acceleration = torch.zeros_like(estimate.noise), torch.ones_like(estimate.acceleration)
        return super()._refine(cascade, replace(estimate, noise=noise, acceleration=acceleration))


class FromSense(GeneralVarNet):
    """From least squares on, as MoDL-like networks may be."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.start = Sense()


class FromZeroFilled(GeneralVarNet):
    """From the zero-filled image on, as Sriram et al. (2020)."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.start = _Adjoint()


class _Adjoint(IterativeSense):
    """Takes no iteration at all: `x = A^H y`."""

    def solve(self, problem: Problem) -> Tensor:
        return problem.encoding.adjoint(problem.measured)


class DenoisedLast(GeneralVarNet):
    """No fit after the last U-Net; measured lines are put back all the same."""

    def _step(self, cascade: nn.Module, estimate: Estimate, problem: Problem, data: Tensor) -> Estimate:
        if cascade is self.cascades[-1]:
            return self._refine(cascade, estimate)
        return super()._step(cascade, estimate, problem, data)


@dataclass(frozen=True)
class Variant:
    """A network to train.

    Attributes
    ----------
    what
        In what it differs from the first.
    build
        Makes it, with fresh weights.
    """

    what: str
    build: Callable[[], nn.Module]


def _general(what: str, kind: type[GeneralVarNet] = GeneralVarNet, **arguments: int) -> Variant:
    return Variant(what, partial(kind, **(SIZE | arguments)))


VARIANTS: Mapping[str, Variant] = {
    "general": _general("4 cascades of 12 channels, as the weights that ship"),
    "two-cascades": _general("2 cascades of 17 channels", num_cascades=2, chans=17),
    "eight-cascades": _general("8 cascades of 8 channels", num_cascades=8, chans=8),
    "shared-weights": _general("one U-Net in all cascades", SharedWeights),
    "without-notes": _general("no channels from U-Net to U-Net", memory=0),
    "without-levels": _general("noise map and acceleration not told", WithoutLevels),
    "from-sense": _general("from SENSE instead of compressed sensing", FromSense),
    "from-zero-filled": _general("from the zero-filled image", FromZeroFilled),
    "denoised-last": _general("no fit after the last U-Net", DenoisedLast),
    "paper": Variant("`fastmri.models.VarNet`, as many parameters", partial(VarNet, sens_chans=4, **SIZE)),
}
