"""Scores a network under training on one volume of raw data at one acceleration."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from recon.crop import fastmri_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume
from recon.data.training.datasets import NamedMasks, Slice, SliceDataset
from recon.data.training.series import SeriesDataset, VolumeSeries
from recon.data.training.split_slices import SplitSlice, SplitSlices
from recon.experiments.engine.run import check_finite
from recon.experiments.engine.scores.metrics import score, score_file
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.preparation import centred, series_centred, split_centred
from recon.experiments.training.input.reading import Slices, read_batches
from recon.experiments.training.input.training_data import ssdu_split
from recon.experiments.training.validation.validator import ExampleSlice, VolumeScore
from recon.models.objectives import SelfSupervised
from recon.quality.noise_floor import with_noise_floor


@dataclass(frozen=True)
class VolumeTrial:
    """One volume at one acceleration.

    The engine cannot run it: a network under training is not a method, the DataLoader's workers read its batches, and
    it computes in the precision of the training. Only the check for finite values is the engine's.

    Attributes
    ----------
    config
        Config of the run.
    volume
        Volume to score.
    sampling
        Sampling of its masks; None if the scanner undersampled it.
    """

    config: TrainConfig
    volume: Volume
    sampling: Sampling | None

    @property
    def kind(self) -> Hashable:
        """Contrast and sampling."""
        return self.volume.header.contrast, self.sampling

    def __call__(self, network: nn.Module, accelerator: Accelerator) -> tuple[VolumeScore, ExampleSlice | None]:
        """Score a network on the volume.

        Raises
        ------
        InputError
            If a slice cannot be read, or its image is not finite.
        """
        volume, sampling = self.volume, self.sampling
        known: dict[str, Any] = {
            "file": volume.name,
            "acquisition": volume.header.contrast,
            "acceleration": None if sampling is None else sampling.acceleration,
        }
        heldout = self._heldout(network, accelerator) if self.config.training.mode == "ssdu" else math.nan
        if sampling is None or volume.target_name is None:
            return VolumeScore(**known, heldout=heldout), None
        targets: list[NDArray[np.float32]] = []
        images: list[NDArray[np.float32]] = []
        for batch in self._read(self._slices(NamedMasks((sampling,))), Slice, accelerator.device):
            with torch.no_grad(), accelerator.autocast():
                image = fastmri_crop(
                    network(batch.kspace, batch.mask, calibration=batch.calibration, acceleration=batch.acceleration),
                    batch.target.shape[-2:],
                )
            check_finite(image, f"{volume.path}: the image of slice {len(images)}")
            images += _numpy(_at_floor(image, batch, volume))
            targets += _numpy(batch.target)
        metrics = asdict(score_file(volume.path, np.stack(targets), np.stack(images), score))
        scored = VolumeScore(**known, **metrics, heldout=heldout)
        middle = len(targets) // 2
        return scored, ExampleSlice(scored, targets[middle], images[middle])

    def _slices(self, masks: NamedMasks) -> Slices:
        if self.config.takes_series:
            return SeriesDataset(VolumeSeries([self.volume]), partial(series_centred, undersample=masks))
        return SliceDataset([self.volume], partial(centred, undersample=masks))

    def _heldout(self, network: nn.Module, accelerator: Accelerator) -> float:
        split = ssdu_split(self.config, () if self.sampling is None else (self.sampling,))
        objective = SelfSupervised(network)
        losses = []
        for part in range(split.parts):
            hold = partial(split.for_validation, part=part)
            split_scan = partial(split_centred, scanned=split.scanned, split=hold)
            for batch in self._read(SplitSlices([self.volume], split_scan), SplitSlice, accelerator.device):
                with torch.no_grad(), accelerator.autocast():
                    losses.append(objective(batch).item())
        return float(np.mean(losses))

    def _read(self, slices: Slices, kind: type[Any], device: torch.device) -> Iterator[Any]:
        """Read a volume slice by slice; a volume with an unreadable slice is not scored at all."""
        each = [[index] for index in range(len(slices))]
        with closing(read_batches(slices, each, self.config.data.workers, device)) as batches:
            for batch in batches:
                if batch.unreadable:
                    raise InputError(batch.unreadable[0])
                if isinstance(batch.slices, kind):
                    yield batch.slices


def volume_trials(config: TrainConfig, volumes: Sequence[Volume]) -> list[VolumeTrial]:
    """Pair each volume with each sampling, or with None if the scanner undersampled it."""
    pairs = [
        pair
        for volume in volumes
        for pair in product([volume], config.data.samplings if volume.mask is None else [None])
    ]
    return [VolumeTrial(config, volume, sampling) for volume, sampling in pairs]


def _at_floor(images: Tensor, batch: Slice, volume: Volume) -> Tensor:
    """Bring images `(batch, rows, columns)` to the noise floor of a full scan, as `recon compare` does."""
    masks = batch.mask.squeeze(1).cpu()
    scans = [
        Acquisition(kspace, mask[0] if len(mask) == 1 else mask, volume.header)
        for kspace, mask in zip(batch.kspace.cpu(), masks, strict=True)
    ]
    pairs = zip(images.float().cpu(), scans, strict=True)
    return torch.stack([with_noise_floor(image, scan) for image, scan in pairs])


def _numpy(images: Tensor) -> list[NDArray[np.float32]]:
    return list(images.float().cpu().numpy())
