"""Plans a study: the reconstructions of every scan in every arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.open import open_volume, result_name
from recon.experiments.console import Problems
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.study.arm_volume import arm_volume, held_averages
from recon.experiments.study.config import StudyConfig, folder_name
from recon.experiments.study.measure import MEASURES
from recon.experiments.study.regions import Regions, chosen_slices, find_regions, scan_name
from recon.preprocessing.steps import parse_steps, stepped


@dataclass(frozen=True, eq=False)
class Study:
    """A study and where it runs.

    Attributes
    ----------
    config
        Config of the study.
    methods
        Method of every arm.
    folder
        Folder of the study's file, to which paths in it are relative.
    device
        Device on which the methods run.
    shown
        Number of subjects that the report shows in pictures.
    """

    config: StudyConfig
    methods: Mapping[str, Reconstruction]
    folder: Path
    device: torch.device
    shown: int = 10

    def runner(self, arm: str) -> Runner:
        """Return the method of an arm, which also computes the map of its noise if the study asks for it."""
        method, replicas = self.methods[arm], self.config.replicas
        return Runner(self.config.arms[arm].method, method, self.device, noise=replicas > 0, replicas=replicas)

    def protocol(self) -> dict[str, Any]:
        """Return everything that is needed to repeat the numbers."""
        config, replicas = self.config, self.config.replicas
        return {
            "study": config.model_dump(mode="json"),
            "measures": dict(MEASURES),
            "test": "two-sided Wilcoxon signed-rank over subjects; q by Benjamini-Hochberg over all tests",
            "noise maps": f"formula of the method, or {replicas} pseudo-replicas" if replicas else "none",
            "noise floor": "none",
            "methods": {
                name: {"method": config.arms[name].method, **method.settings()}
                for name, method in self.methods.items()
            },
        }


@dataclass(frozen=True, eq=False)
class Subject:
    """A scan in all arms.

    Attributes
    ----------
    name
        Name of the scan without its suffix.
    config
        Config of the study with the changes for the subject.
    arms
        Results by arm, made or to be made.
    averages
        Number of averages that the scan holds.
    adds_noise
        Names of the arms in which added noise stands for fewer averages.
    """

    name: str
    config: StudyConfig
    arms: dict[str, StoredResult]
    averages: int
    adds_noise: list[str]
    regions: dict[tuple[int, int], Regions] = field(default_factory=dict)

    def find(self, arm: str, shape: tuple[int, int], folder: Path) -> Regions:
        """Return the regions in images of a size, which all arms usually share."""
        if shape not in self.regions:
            self.regions[shape] = find_regions(self.config, self.arms[arm].scan.volume, shape, folder)
        return self.regions[shape]


def plan_subjects(files: Sequence[Path], study: Study, output: Path, problems: Problems) -> Iterator[Subject]:
    """Open every scan, and list its reconstructions in every arm.

    Parameters
    ----------
    files
        Raw-data files.
    study
        The study.
    output
        Folder of the study's results.
    problems
        Collects the files that cannot be part of the study.

    Yields
    ------
    Subject
        Each scan that can be part of the study.
    """
    steps = parse_steps(study.config.preprocess)
    for path in files:
        with problems.collect():
            volume = open_volume(path)
            config = study.config.for_subject(scan_name(volume))
            slices = chosen_slices(config, volume)
            arms: dict[str, StoredResult] = {}
            noisy = []
            for name, arm in config.arms.items():
                if arm.sampling is not None and volume.mask is not None:
                    already = f"{volume.name}: is undersampled already"
                    raise InputError(f"{already}, so the arm {name!r} cannot undersample it")
                part = arm_volume(volume, slices, arm.averages, config.file_averages)
                scan = SampledVolume(stepped(part, steps), arm.sampling)
                file = output / "reconstructions" / folder_name(name) / result_name(volume.path)
                arms[name] = StoredResult(scan, study.runner(name), file)
                noisy += [name] if part.adds_noise else []
            yield Subject(scan_name(volume), config, arms, held_averages(volume, config.file_averages), noisy)
