"""List what is compared: variants of the general network, its size and its loss, and the network of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import nn

from recon.classical.compressed_sensing import CSTotalVariation
from recon.classical.sense import Sense
from recon.data.errors import InputError
from recon.experiments.benchmark.ablation.architectures import (
    DenoisedLast,
    FromSense,
    FromZeroFilled,
    SharedWeights,
    TwoStarts,
    WideLast,
    WithoutLevels,
)
from recon.experiments.benchmark.ablation.learned_operators import ADDITIONS, RefinedMaps, WeightedConsistency
from recon.models.checkpoints.checkpoint import Checkpoint
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.varnet import VarNet

SIZE: dict[str, Any] = {"num_cascades": 4, "chans": 12}

STARTS: dict[str, Any] = {"map_lines": 0}
"""Maps of all variants come from measured lines alone, so that variants that start alike can share their starts."""


@dataclass(frozen=True)
class Variant:
    """A network to train.

    Attributes
    ----------
    description
        Difference from the first variant.
    build
        Function that builds the network with fresh weights.
    loss
        Losses, with their weights, that differ from those of the configuration.
    trained
        Whether the network is trained at all.
    """

    description: str
    build: Callable[[], nn.Module]
    loss: Mapping[str, float] = field(default_factory=dict)
    trained: bool = True

    def start_from(self, weights: Checkpoint | None) -> nn.Module:
        """Build the network, with given weights if any; modules that the weights lack change nothing before training.

        Raises
        ------
        InputError
            If the given weights do not fit the network.
        """
        network = self.build()
        if weights is None:
            return network
        added = {
            key: value for key, value in network.state_dict().items() if not ADDITIONS.isdisjoint(key.split("."))
        }
        try:
            network.load_state_dict(weights.network.state_dict() | added)
        except RuntimeError as error:
            raise InputError(f"{weights.path.name}: does not fit the variant: {self.description}") from error
        if isinstance(network, TwoStarts):
            network.ignore_addition()
        return network


def _general(description: str, kind: Callable[..., GeneralVarNet] = GeneralVarNet, **arguments: Any) -> Variant:
    return Variant(description, partial(kind, **(SIZE | STARTS | arguments)))


def _loss(description: str, **weights: float) -> Variant:
    return Variant(description, _general("").build, weights)


VARIANTS: Mapping[str, Variant] = {
    "general": _general("4 cascades of 12 channels, as in the shipped weights"),
    "untrained": Variant("before any training", _general("").build, trained=False),
    "two-starts": _general("sees the image of SENSE beside that of cs-wavelet", TwoStarts, second=Sense()),
    "two-starts-tv": _general(
        "sees the image of cs-tv beside that of cs-wavelet", TwoStarts, second=CSTotalVariation()
    ),
    "refined-maps": _general("corrects its maps in every cascade", RefinedMaps),
    "weighted-consistency": _general("weights samples by density in every fit", WeightedConsistency),
    "two-cascades": _general("2 cascades of 17 channels", num_cascades=2, chans=17),
    "six-cascades": _general("6 cascades of 10 channels", num_cascades=6, chans=10),
    "eight-cascades": _general("8 cascades of 8 channels", num_cascades=8, chans=8),
    "wide-last": _general("10 channels, 17 in the last cascade", WideLast, chans=10, last=17),
    "chans-6": _general("4 cascades of 6 channels", chans=6),
    "chans-8": _general("4 cascades of 8 channels", chans=8),
    "chans-17": _general("4 cascades of 17 channels", chans=17),
    "with-wavelet": _loss("a loss of wavelet details as well", ssim=1, psnr=0.05, wavelet=2),
    "with-detail": _loss("a loss of the energy of detail as well", ssim=1, psnr=0.05, detail=0.02),
    "psnr-heavy": _loss("four times the weight of PSNR in the loss", ssim=1, psnr=0.2),
    "shared-weights": _general("one U-Net in all cascades", SharedWeights),
    "without-notes": _general("no channels passed from U-Net to U-Net", memory=0),
    "without-levels": _general("without noise map and acceleration", WithoutLevels),
    "from-sense": _general("from SENSE instead of compressed sensing", FromSense),
    "from-zero-filled": _general("from the zero-filled image", FromZeroFilled),
    "denoised-last": _general("no fit to the data after the last U-Net", DenoisedLast),
    "paper": Variant("`fastmri.models.VarNet` with as many parameters", partial(VarNet, sens_chans=4, **SIZE)),
}
