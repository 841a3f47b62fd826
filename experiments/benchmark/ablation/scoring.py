"""Score a trained variant on fully sampled scans, through the engine that runs every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from recon.contract import Reconstruction
from recon.crop import center_crop
from recon.data.acquisition import Acquisition
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.scores.metrics import Images, common_field, score
from recon.models.losses import FINE
from recon.models.networks.general_varnet import GeneralVarNet, Start
from recon.models.networks.kspace_network import UndersampledBatch
from recon.preprocessing.oversampling import without_oversampling
from recon.solvers.problem import accelerations

ACCELERATIONS = (4, 8)
SAMPLINGS = tuple(
    Sampling(kind, acceleration, 0.32 / acceleration)
    for kind, acceleration in product((MaskKind.RANDOM, MaskKind.EQUISPACED_FRACTION), ACCELERATIONS)
)


@dataclass(frozen=True)
class ScanScore:
    """Scores of one scan under one sampling.

    Attributes
    ----------
    scans
        Name of the set of scans.
    file
        Name of the file.
    kind, acceleration
        Kind of the mask, and its acceleration.
    ssim, psnr
        Metrics of fastMRI; `psnr` in dB.
    detail
        Energy of the image beyond `FINE` of k-space over that of the target, in dB: 0 for an image as sharp as the
        target, negative for one that is too smooth.
    """

    scans: str
    file: str
    kind: str
    acceleration: float
    ssim: float
    psnr: float
    detail: float


@dataclass(frozen=True, eq=False)
class TrainedVariant(Reconstruction):
    """A variant of the network as a method: the engine runs it, though it has neither a name nor a file of weights.

    Attributes
    ----------
    network
        Network in evaluation mode, on the CPU.
    starts
        Starts of the networks, kept for variants that start alike.
    """

    network: nn.Module
    starts: dict[tuple[Any, ...], Start] = field(default_factory=dict)

    @torch.no_grad()
    def __call__(self, acquisition: Acquisition) -> Tensor:
        """Reconstruct `(coils, readout, phase)` to `(rows, columns)`."""
        cut = without_oversampling(acquisition)
        batch = UndersampledBatch(cut.kspace[None], cut.mask.reshape(1, 1, 1, -1), acceleration=accelerations([cut]))
        if isinstance(self.network, GeneralVarNet):
            image = self.network.finish(self._start(self.network, batch))[0]
        else:
            image = self.network(*batch)[0]
        return center_crop(image, cut.crop)

    def _start(self, network: GeneralVarNet, batch: UndersampledBatch) -> Start:
        samples = sha256(batch.masked_kspace.numpy().tobytes()).hexdigest()
        key = samples, type(network).begin, network.start, getattr(network, "second", None)
        if key not in self.starts:
            self.starts[key] = network.begin(batch)
        return self.starts[key]


def score_scans(name: str, method: TrainedVariant, scans: str, volumes: Sequence[Volume]) -> list[ScanScore]:
    """Score a variant on each volume under each of `SAMPLINGS`.

    Parameters
    ----------
    name
        Name of the variant.
    method
        The variant.
    scans
        Name of the set of scans.
    volumes
        Fully sampled scans with targets.

    Raises
    ------
    InputError
        If a scan cannot be read.
    """
    runner = Runner(name, method, floor=True)
    scores = []
    for volume, sampling in product(volumes, SAMPLINGS):
        target, images = cast("Images", volume.read_target()), runner.volume(SampledVolume(volume, sampling)).images
        metrics, detail = score(target, images), fine_detail(target, images)
        kind, acceleration = str(sampling.kind), sampling.acceleration
        scores.append(ScanScore(scans, volume.name, kind, acceleration, metrics.ssim, metrics.psnr, detail))
    return scores


def fine_detail(target: Images, images: Images) -> float:
    """Return the energy of images `(slices, rows, columns)` beyond `FINE` of k-space over the target's, in dB."""
    energies = [_fine_energy(one) for one in common_field(target, images)]
    return float(10 * np.log10(energies[1] / energies[0]))


def _fine_energy(images: Images) -> Any:
    spectrum = np.fft.fft2(images)
    radius = np.hypot(np.fft.fftfreq(images.shape[-2])[:, None], np.fft.fftfreq(images.shape[-1]))
    return np.square(np.abs(spectrum[:, radius >= FINE])).sum()
