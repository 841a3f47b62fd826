"""Scores a network volume by volume: every volume once at each acceleration, for any number of processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn

from recon.crop import fastmri_crop
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import Volume
from recon.data.training.datasets import NamedMasks, Slice, SliceDataset
from recon.data.training.split_slices import SplitSlice, SplitSlices
from recon.experiments.console import warn
from recon.experiments.engine.metrics import score, score_file
from recon.experiments.engine.run import check_finite
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.reading import Slices, read_batches
from recon.experiments.training.input.training_data import centred, split_centred, ssdu_split
from recon.experiments.training.shutdown import Shutdown
from recon.models.objectives import SelfSupervised
from recon.quality.noise_floor import with_noise_floor

EXAMPLES = 6
"""Largest number of example slices."""

METRICS = ("ssim", "psnr", "nmse")


@dataclass(frozen=True)
class VolumeScore:
    """Scores of one volume at one acceleration.

    Attributes
    ----------
    file
        Name of the file.
    acquisition
        Contrast of the volume.
    acceleration
        Acceleration of the mask; None if the scanner undersampled the volume.
    ssim, psnr, nmse
        Metrics of fastMRI; NaN without a target.
    heldout
        Loss on the withheld samples in self-supervised training; otherwise NaN.
    """

    file: str
    acquisition: str
    acceleration: float | None
    ssim: float = math.nan
    psnr: float = math.nan
    nmse: float = math.nan
    heldout: float = math.nan

    @property
    def group(self) -> str:
        """Contrast and acceleration, the group of volumes to average with."""
        sampling = "as scanned" if self.acceleration is None else f"{self.acceleration:g}x"
        return f"{self.acquisition} {sampling}".strip()


@dataclass(frozen=True, eq=False)
class ExampleSlice:
    """The middle slice of a volume, to be drawn.

    Attributes
    ----------
    score
        Scores of the volume.
    target, image
        float32 `(rows, columns)`.
    """

    score: VolumeScore
    target: NDArray[np.float32]
    image: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Validation:
    """Scores of all volumes, in an order that does not depend on the processes, and some example slices."""

    scores: list[VolumeScore]
    examples: list[ExampleSlice]

    def means(self) -> dict[str, float]:
        """Average each metric over all volumes; metrics that no volume has are left out."""
        return _means(self.scores)

    def groups(self) -> dict[str, dict[str, float]]:
        """Average each metric over the volumes of each contrast and acceleration, and count the volumes."""
        names = sorted({score.group for score in self.scores})
        members = {name: [score for score in self.scores if score.group == name] for name in names}
        return {name: _means(scores) | {"volumes": len(scores)} for name, scores in members.items()}

    def summary(self) -> dict[str, Any]:
        """Return the means over all volumes and, under `groups`, those of each group."""
        return {**self.means(), "groups": self.groups()}

    @property
    def quality(self) -> float:
        """Mean SSIM or, in self-supervised training, minus the mean held-out loss; the best weights have the largest.

        Self-supervised training does not choose by targets even if files have some, because in practice none would.
        """
        means = self.means()
        return -means["heldout"] if "heldout" in means else means.get("ssim", -math.inf)


@dataclass(frozen=True)
class Validator:
    """Scores a network on volumes.

    Attributes
    ----------
    config
        Config of the run.
    accelerator
        Accelerator that the processes share; each process scores its share of the volumes.
    volumes
        All volumes to score.
    """

    config: TrainConfig
    accelerator: Accelerator
    volumes: Sequence[Volume]

    def __call__(self, network: nn.Module, shutdown: Shutdown) -> Validation | None:
        """Score a network; all processes must call this.

        Returns
        -------
        Validation or None
            Scores, the same in all processes; None if the run was interrupted.

        Raises
        ------
        InputError
            If no volume can be scored, or if the config is strict and one cannot.
        """
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        jobs = list(self._jobs())
        scores: list[VolumeScore] = []
        examples: list[ExampleSlice] = []
        problems: list[str] = []
        network.eval()
        for number in range(rank, len(jobs) + -len(jobs) % processes, processes):
            if number < len(jobs):
                try:
                    scored, example = self._score(network, *jobs[number])
                except InputError as error:
                    problems.append(str(error))
                else:
                    scores.append(scored)
                    examples += [example] if example and number in self._chosen(jobs) else []
            if shutdown.poll() and shutdown.interrupted:
                return None
        scores = gather_object(scores)
        self._report(gather_object(problems), anything=bool(scores))
        return Validation(
            sorted(scores, key=lambda score: (score.file, score.acceleration or 0)),
            sorted(gather_object(examples), key=lambda example: (example.score.group, example.score.file)),
        )

    def _jobs(self) -> Iterator[tuple[Volume, Sampling | None]]:
        """Pair each volume with each sampling, or with None if the scanner undersampled it."""
        for volume in self.volumes:
            if volume.mask is not None:
                yield volume, None
            else:
                yield from product([volume], self.config.data.samplings)

    def _chosen(self, jobs: Sequence[tuple[Volume, Sampling | None]]) -> set[int]:
        """Choose the examples: first one volume of each contrast and acceleration, then others."""
        first: dict[Any, int] = {}
        for number, (volume, sampling) in enumerate(jobs):
            first.setdefault((volume.header.contrast, sampling), number)
        others = [number for number in range(len(jobs)) if number not in first.values()]
        return set([*first.values(), *others][:EXAMPLES])

    def _score(
        self, network: nn.Module, volume: Volume, sampling: Sampling | None
    ) -> tuple[VolumeScore, ExampleSlice | None]:
        """Score a network on a volume.

        The engine cannot run it: a network under training is not a method, the DataLoader's workers read its
        batches, and it computes in the precision of the training. Only the check for finite values is the engine's.
        """
        known: dict[str, Any] = {
            "file": volume.name,
            "acquisition": volume.header.contrast,
            "acceleration": None if sampling is None else sampling.acceleration,
        }
        heldout = self._heldout(network, volume, sampling) if self.config.training.mode == "ssdu" else math.nan
        if sampling is None or volume.target_name is None:
            return VolumeScore(**known, heldout=heldout), None
        targets: list[NDArray[np.float32]] = []
        images: list[NDArray[np.float32]] = []
        undersampled = partial(centred, undersample=NamedMasks((sampling,)))
        for batch in self._read(SliceDataset([volume], undersampled), Slice):
            with torch.no_grad(), self.accelerator.autocast():
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

    def _heldout(self, network: nn.Module, volume: Volume, sampling: Sampling | None) -> float:
        split = ssdu_split(self.config, () if sampling is None else (sampling,))
        objective = SelfSupervised(network)
        losses = []
        for part in range(split.parts):
            hold = partial(split.for_validation, part=part)
            split_scan = partial(split_centred, scanned=split.scanned, split=hold)
            for batch in self._read(SplitSlices([volume], split_scan), SplitSlice):
                with torch.no_grad(), self.accelerator.autocast():
                    losses.append(objective(batch).item())
        return float(np.mean(losses))

    def _read(self, slices: Slices, kind: type[Any]) -> Iterator[Any]:
        """Read a volume slice by slice; a volume with an unreadable slice is not scored at all."""
        each = [[index] for index in range(len(slices))]
        with closing(read_batches(slices, each, self.config.data.workers, self.accelerator.device)) as batches:
            for batch in batches:
                if batch.unreadable:
                    raise InputError(batch.unreadable[0])
                if isinstance(batch.slices, kind):
                    yield batch.slices

    def _report(self, problems: list[str], anything: bool) -> None:
        if problems and (self.config.data.strict or not anything):
            raise InputError(problems[0])
        for problem in dict.fromkeys(problems):
            warn(f"not scored: {problem}")


def _means(scores: Iterable[VolumeScore]) -> dict[str, float]:
    values = {name: [getattr(score, name) for score in scores] for name in (*METRICS, "heldout")}
    known = {name: [value for value in given if not math.isnan(value)] for name, given in values.items()}
    return {name: float(np.mean(given)) for name, given in known.items() if given}


def _at_floor(images: Tensor, batch: Slice, volume: Volume) -> Tensor:
    """Bring images `(1, rows, columns)` to the noise floor of a full scan, as `recon compare` does."""
    mask = batch.mask.reshape(-1, batch.mask.shape[-1])
    scan = Acquisition(batch.kspace[0], mask[0] if len(mask) == 1 else mask, volume.header)
    return with_noise_floor(images[0].float().cpu(), scan.to("cpu"))[None]


def _numpy(images: Tensor) -> list[NDArray[np.float32]]:
    return list(images.float().cpu().numpy())
