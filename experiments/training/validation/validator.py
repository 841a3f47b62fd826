"""Scores a network on volumes or images: each once at each acceleration or noise, for any number of processes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import nn

from recon.data.errors import InputError
from recon.experiments.console import warn
from recon.experiments.training.shutdown import Shutdown

EXAMPLES = 6
"""Largest number of example slices."""

METRICS = ("ssim", "psnr", "nmse")


@dataclass(frozen=True)
class VolumeScore:
    """Scores of one volume at one acceleration, or with noise of one level.

    Attributes
    ----------
    file
        Name of the file.
    acquisition
        Contrast of the volume.
    acceleration
        Acceleration of the mask; None if the scanner undersampled the volume, or noise was added.
    ssim, psnr, nmse
        Metrics of fastMRI; NaN without a target.
    heldout
        Loss on the withheld samples in self-supervised training; otherwise NaN.
    noise
        Standard deviation of the noise that was added to an image, as share of its brightness; None if none was.
    """

    file: str
    acquisition: str
    acceleration: float | None
    ssim: float = math.nan
    psnr: float = math.nan
    nmse: float = math.nan
    heldout: float = math.nan
    noise: float | None = None

    @property
    def group(self) -> str:
        """Contrast and acceleration, or level of the noise: the group of volumes to average with."""
        if self.noise is not None:
            return f"{self.acquisition} noise {self.noise:.4g}".strip()
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
        """Mean SSIM; in self-supervised training minus the mean held-out loss; for stages the mean PSNR.

        The best weights have the largest. Self-supervised training does not choose by targets even if files have
        some, because in practice none would.
        """
        means = self.means()
        if any(score.noise is not None for score in self.scores):
            return means["psnr"]
        return -means["heldout"] if "heldout" in means else means.get("ssim", -math.inf)


class Trial(Protocol):
    """One thing to score: a volume at an acceleration, or an image with some noise."""

    @property
    def kind(self) -> Hashable:
        """Property by which examples are chosen: one of each kind comes first."""

    def __call__(self, network: nn.Module, accelerator: Accelerator) -> tuple[VolumeScore, ExampleSlice | None]:
        """Score a network; the example is None without a target.

        Raises
        ------
        InputError
            If the volume cannot be scored.
        """


@dataclass(frozen=True)
class Validator:
    """Scores a network on some trials.

    Attributes
    ----------
    accelerator
        Accelerator that the processes share; each process scores its share of the trials.
    trials
        Everything to score.
    strict
        Whether a volume that cannot be scored is an error.
    """

    accelerator: Accelerator
    trials: Sequence[Trial]
    strict: bool = False

    def __call__(self, network: nn.Module, shutdown: Shutdown) -> Validation | None:
        """Score a network; all processes must call this.

        Returns
        -------
        Validation or None
            Scores, the same in all processes; None if the run was interrupted.

        Raises
        ------
        InputError
            If nothing can be scored, or if `strict` and something cannot.
        """
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        trials, chosen = self.trials, self._chosen()
        scores: list[VolumeScore] = []
        examples: list[ExampleSlice] = []
        problems: list[str] = []
        network.eval()
        for number in range(rank, len(trials) + -len(trials) % processes, processes):
            if number < len(trials):
                try:
                    scored, example = trials[number](network, self.accelerator)
                except InputError as error:
                    problems.append(str(error))
                else:
                    scores.append(scored)
                    examples += [example] if example and number in chosen else []
            if shutdown.poll() and shutdown.interrupted:
                return None
        scores = gather_object(scores)
        self._report(gather_object(problems), anything=bool(scores))
        return Validation(
            sorted(scores, key=lambda score: (score.file, score.acceleration or 0, score.noise or 0)),
            sorted(gather_object(examples), key=lambda example: (example.score.group, example.score.file)),
        )

    def _chosen(self) -> set[int]:
        """Choose the examples: first one trial of each kind, then others."""
        first: dict[Hashable, int] = {}
        for number, trial in enumerate(self.trials):
            first.setdefault(trial.kind, number)
        others = [number for number in range(len(self.trials)) if number not in first.values()]
        return set([*first.values(), *others][:EXAMPLES])

    def _report(self, problems: list[str], anything: bool) -> None:
        if problems and (self.strict or not anything):
            raise InputError(problems[0])
        for problem in dict.fromkeys(problems):
            warn(f"not scored: {problem}")


def _means(scores: Iterable[VolumeScore]) -> dict[str, float]:
    values = {name: [getattr(score, name) for score in scores] for name in (*METRICS, "heldout")}
    known = {name: [value for value in given if not math.isnan(value)] for name, given in values.items()}
    return {name: float(np.mean(given)) for name, given in known.items() if given}
