"""Build our network and fastMRI's with the same weights, and the work to time in each configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fastmri.models
import torch
from torch import Tensor, nn

from recon.calibration.compression import compress_coils
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.fourier import ifft
from recon.models.losses import ssim_loss
from recon.models.networks.varnet import VarNet
from recon.models.precision import Precision, computing_in
from recon.preprocessing.oversampling import without_oversampling

Work = Callable[[], Tensor]

VIRTUAL_COILS = 8
DC_WEIGHT = 0.8


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """One undersampled slice, scaled for the networks, `(1, coils, readout, phase)`, with a target image."""

    kspace: Tensor
    mask: Tensor
    target: Tensor

    @classmethod
    def of(cls, acquisition: Acquisition, device: torch.device) -> NetworkInput:
        """Scale a slice so that its zero-filled image, which also serves as the target, has a maximum of 1."""
        image = rss(ifft(acquisition.kspace))
        kspace = (acquisition.kspace / image.max()).unsqueeze(0)
        return cls(
            kspace.to(device),
            acquisition.mask.reshape(1, 1, 1, -1).to(device),
            (image / image.max())[None].to(device),
        )


@dataclass(frozen=True)
class Entrant:
    """A network in one configuration.

    Attributes
    ----------
    name
        Name in the table.
    ours
        Whether the network is ours or fastMRI's.
    precision
        Precision of the convolutions.
    checkpointing
        Whether training recomputes the cascades in the backward pass to save memory.
    reduced
        Whether to remove readout oversampling and compress the coils first; that time is included.
    """

    name: str
    ours: bool
    precision: Precision = "float32"
    checkpointing: bool = False
    reduced: bool = False

    def work(self, pair: NetworkPair, acquisition: Acquisition, example: NetworkInput, training: bool) -> Work:
        """Return the function to time: it reconstructs an image `(1, readout, phase)`, in training with gradients."""
        network = pair.ours if self.ours else pair.theirs
        device = example.kspace.device

        def reconstruct() -> Tensor:
            chosen = reduced(acquisition.to(device)) if self.reduced else example
            with computing_in(self.precision, device):
                return network(chosen.kspace, chosen.mask)

        def step() -> Tensor:
            image = reconstruct()
            with computing_in(self.precision, device):
                ssim_loss(image, example.target, example.target.amax((1, 2))).backward()  # type: ignore[no-untyped-call]
            return image.detach()

        def infer() -> Tensor:
            with torch.no_grad():
                return reconstruct()

        def run() -> Tensor:
            pair.ours.checkpointing = self.checkpointing
            return step() if training else infer()

        return run


REFERENCE = Entrant("fastMRI float32", ours=False)
OURS = Entrant("ours float32", ours=True)
OURS_HALF = Entrant("ours bf16", ours=True, precision="bf16")
INFERENCE = (
    REFERENCE,
    Entrant("fastMRI bf16", ours=False, precision="bf16"),
    OURS,
    OURS_HALF,
)
TRAINING = (
    *INFERENCE,
    Entrant("ours float32, recompute", ours=True, checkpointing=True),
    Entrant("ours bf16, recompute", ours=True, precision="bf16", checkpointing=True),
)
TF32 = (Entrant("fastMRI tf32", ours=False, precision="tf32"), Entrant("ours tf32", ours=True, precision="tf32"))
"""Entrants on a GPU alone, for a CPU has no TF32."""

REDUCED = Entrant(f"ours bf16, cut, {VIRTUAL_COILS} coils", ours=True, precision="bf16", reduced=True)


class FastMRI(nn.Module):
    """`fastmri.models.VarNet` with the interface of our network."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.network = fastmri.models.VarNet(**arguments)

    def forward(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Reconstruct complex `(batch, coils, readout, phase)` to real `(batch, readout, phase)`."""
        image: Tensor = self.network(torch.view_as_real(kspace), mask.unsqueeze(-1))
        return image


@dataclass(frozen=True, eq=False)
class NetworkPair:
    """Our network and fastMRI's with the same weights."""

    ours: VarNet
    theirs: FastMRI

    def forget_gradients(self) -> None:
        """Free the gradients of the last step, so that the next step is charged for its own."""
        self.ours.zero_grad(set_to_none=True)
        self.theirs.zero_grad(set_to_none=True)


def build_pair(cascades: int, device: torch.device) -> NetworkPair:
    """Construct the leaderboard's network with this number of cascades; its random weights are always the same."""
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"num_cascades": cascades, "sens_chans": 8, "sens_pools": 4, "chans": 18, "pools": 4}
    theirs, ours = FastMRI(**arguments), VarNet(**arguments)
    for cascade in theirs.network.cascades:
        cascade.dc_weight.data.fill_(DC_WEIGHT)
    ours.load_state_dict(theirs.network.state_dict())
    return NetworkPair(ours.to(device), theirs.to(device))


def reduced(acquisition: Acquisition) -> NetworkInput:
    """Remove readout oversampling and compress the coils, on the device of the slice."""
    few = compress_coils(without_oversampling(acquisition), VIRTUAL_COILS)
    return NetworkInput(few.kspace.unsqueeze(0), few.mask.reshape(1, 1, 1, -1), rss(ifft(few.kspace)))
