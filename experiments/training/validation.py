"""A network scored by volume: every volume once at each acceleration, whatever the number of processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor, nn

from recon.crop import center_crop
from recon.data.errors import InputError
from recon.data.masks import Sampling
from recon.data.open import Volume
from recon.data.training.datasets import NamedMasks, Slice, SliceDataset
from recon.data.training.split_slices import SplitSlice, SplitSlices
from recon.experiments.console import warn
from recon.experiments.engine.metrics import Metrics, score
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.reading import Slices, read
from recon.experiments.training.input.slices import split_of
from recon.experiments.training.stop import Stop
from recon.models.objectives import SelfSupervised

PICTURES = 6
METRICS = ("ssim", "psnr", "nmse")


@dataclass(frozen=True)
class VolumeScore:
    """How one volume was reconstructed at one acceleration.

    Attributes
    ----------
    file, acquisition
        Name and contrast of the volume.
    acceleration
        None where the volume was taken as the scanner undersampled it.
    ssim, psnr, nmse
        fastMRI's metrics, NaN without a target.
    heldout
        Loss of the samples held back, where the training is self-supervised; otherwise NaN.
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
        """What it is averaged with: contrast and acceleration."""
        sampling = "as scanned" if self.acceleration is None else f"{self.acceleration:g}x"
        return f"{self.acquisition} {sampling}".strip()


@dataclass(frozen=True, eq=False)
class Picture:
    """The middle slice of a volume, target and image float `(rows, columns)`, and the score of the volume."""

    score: VolumeScore
    target: NDArray[np.float32]
    image: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Validation:
    """Scores of all volumes, in an order that does not depend on who scored them, and some pictures."""

    scores: list[VolumeScore]
    pictures: list[Picture]

    def means(self) -> dict[str, float]:
        """Average each metric over all volumes."""
        return _means(self.scores)

    def groups(self) -> dict[str, dict[str, float]]:
        """Average each metric over the volumes of one contrast at one acceleration."""
        names = sorted({score.group for score in self.scores})
        members = {name: [score for score in self.scores if score.group == name] for name in names}
        return {name: _means(scores) | {"volumes": len(scores)} for name, scores in members.items()}

    def summary(self) -> dict[str, Any]:
        """Give the means and, under `groups`, those of each group."""
        return {**self.means(), "groups": self.groups()}

    @property
    def quality(self) -> float:
        """By what the best weights are chosen: mean SSIM or, self-supervised, minus the mean loss held out.

        The targets of self-supervised training are a truth that it would not have; they choose nothing.
        """
        means = self.means()
        return -means["heldout"] if "heldout" in means else means.get("ssim", -math.inf)


@dataclass(frozen=True)
class Validator:
    """Scores a network on volumes.

    Attributes
    ----------
    config
        Of the run.
    accelerator
        Knows the processes; each scores its share.
    volumes
        All of them.
    """

    config: TrainConfig
    accelerator: Accelerator
    volumes: Sequence[Volume]

    def __call__(self, network: nn.Module, stop: Stop) -> Validation | None:
        """Score; to be called by all processes.

        Returns
        -------
        Validation or None
            The same in all processes; None if the run was interrupted on the way.

        Raises
        ------
        InputError
            If a volume cannot be read and the config is strict, or none can be read.
        """
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        jobs = list(self._jobs())
        scores: list[VolumeScore] = []
        pictures: list[Picture] = []
        problems: list[str] = []
        network.eval()
        for number in range(rank, len(jobs) + -len(jobs) % processes, processes):
            if number < len(jobs):
                try:
                    scored, picture = self._score(network, *jobs[number])
                except InputError as error:
                    problems.append(str(error))
                else:
                    scores.append(scored)
                    pictures += [picture] if picture and number in self._shown(jobs) else []
            if stop() and stop.interrupted:
                return None
        scores = gather_object(scores)
        self._tell(gather_object(problems), anything=bool(scores))
        return Validation(
            sorted(scores, key=lambda one: (one.file, one.acceleration or 0)),
            sorted(gather_object(pictures), key=lambda one: (one.score.group, one.score.file)),
        )

    def _jobs(self) -> Iterator[tuple[Volume, Sampling | None]]:
        """List each volume with each way to undersample it; None for one that the scanner undersampled."""
        for volume in self.volumes:
            if volume.mask is not None:
                yield volume, None
            else:
                yield from product([volume], self.config.data.samplings)

    def _shown(self, jobs: Sequence[tuple[Volume, Sampling | None]]) -> set[int]:
        """Choose what to show: first one volume of each contrast and acceleration, then others."""
        first: dict[Any, int] = {}
        for number, (volume, sampling) in enumerate(jobs):
            first.setdefault((volume.header.contrast, sampling), number)
        others = [number for number in range(len(jobs)) if number not in first.values()]
        return set([*first.values(), *others][:PICTURES])

    def _score(
        self, network: nn.Module, volume: Volume, sampling: Sampling | None
    ) -> tuple[VolumeScore, Picture | None]:
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
        for batch in self._read(SliceDataset([volume], NamedMasks((sampling,))), Slice):
            with torch.no_grad(), self.accelerator.autocast():
                image = center_crop(
                    network(batch.kspace, batch.mask, calibration=batch.calibration, acceleration=batch.acceleration),
                    batch.target.shape[-2:],
                )
            images += _numpy(image)
            targets += _numpy(batch.target)
        metrics = asdict(_metrics(volume, np.stack(targets), np.stack(images)))
        scored = VolumeScore(**known, **metrics, heldout=heldout)
        middle = len(targets) // 2
        return scored, Picture(scored, targets[middle], images[middle])

    def _heldout(self, network: nn.Module, volume: Volume, sampling: Sampling | None) -> float:
        split = split_of(self.config, () if sampling is None else (sampling,))
        objective = SelfSupervised(network)
        losses = []
        for batch in self._read(SplitSlices([volume], split.for_validation), SplitSlice):
            with torch.no_grad(), self.accelerator.autocast():
                losses.append(objective(batch).item())
        return float(np.mean(losses))

    def _read(self, slices: Slices, kind: type[Any]) -> Iterator[Any]:
        """Read a volume slice by slice; a volume with a slice that cannot be read is not scored at all."""
        each = [[index] for index in range(len(slices))]
        with closing(read(slices, each, self.config.data.workers, self.accelerator.device)) as batches:
            for batch in batches:
                if batch.unreadable:
                    raise InputError(batch.unreadable[0])
                if isinstance(batch.slices, kind):
                    yield batch.slices

    def _tell(self, problems: list[str], anything: bool) -> None:
        if problems and (self.config.data.strict or not anything):
            raise InputError(problems[0])
        for problem in dict.fromkeys(problems):
            warn(f"not scored: {problem}")


def _metrics(volume: Volume, target: NDArray[np.float32], images: NDArray[np.float32]) -> Metrics:
    if not np.isfinite(images).all():
        raise InputError(f"{volume.path}: the reconstruction is not finite")
    try:
        return score(target, images)
    except ValueError as error:
        raise InputError(f"{volume.path}: {error}") from error


def _means(scores: Iterable[VolumeScore]) -> dict[str, float]:
    """Average what is known; metrics that no volume has are left out."""
    values = {name: [getattr(one, name) for one in scores] for name in (*METRICS, "heldout")}
    known = {name: [value for value in found if not math.isnan(value)] for name, found in values.items()}
    return {name: float(np.mean(found)) for name, found in known.items() if found}


def _numpy(images: Tensor) -> list[NDArray[np.float32]]:
    return list(images.float().cpu().numpy())
