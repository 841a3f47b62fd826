"""`recon tune`: find the weight and the number of iterations with which a method scores best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import CENTERS, MaskKind
from recon.data.masks.sampling import Sampling, default_center_fraction
from recon.data.open import Volume, find_files, open_volume, parts_of
from recon.data.storage.atomic import check_writable, clean_parts
from recon.data.storage.fingerprint import code_sha256, content_sha256
from recon.data.versions import versions
from recon.experiments.cluster.crew import ALONE, Crew
from recon.experiments.cluster.job import Advance, Task
from recon.experiments.cluster.part import part_files
from recon.experiments.console import Problems, console, progress
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.fit import tunable_settings, tune_method
from recon.experiments.engine.tuning.settings import TunedEntry, TunedSettings, read_tuned
from recon.preprocessing.full_scan import with_target
from recon.quality.noise_floor import RULE
from recon.registry import base_name, stages_of

T = TypeVar("T")


@dataclass(frozen=True)
class Tuning:
    """The methods to tune, and the protocol.

    Attributes
    ----------
    methods
        Methods with their default settings, by the name under which they are registered.
    accelerations
        Accelerations at which scans are undersampled.
    mask
        Kind of the sampling masks.
    center_fraction
        Fully sampled share of the lines; None for 0.32 over the acceleration.
    seed
        Seed of the masks, see `Sampling`.
    slices
        Largest number of slices, or series, to use of each contrast, evenly spread over its volumes.
    """

    methods: dict[str, Any]
    accelerations: tuple[float, ...]
    mask: MaskKind
    center_fraction: float | None = None
    seed: int = 0
    slices: int = 8

    def sampling(self, acceleration: float) -> Sampling:
        """Return the sampling at an acceleration."""
        fraction = self.center_fraction
        if fraction is None or self.mask in CENTERS:
            fraction = default_center_fraction(acceleration, self.mask)
        return Sampling(self.mask, acceleration, fraction, self.seed)

    def protocol(self, volumes: Sequence[Volume]) -> dict[str, Any]:
        """Return everything on which the result depends, besides the methods and accelerations that it lists."""
        return {
            "mask": str(self.mask),
            "center fraction": "0.32 / acceleration" if self.center_fraction is None else self.center_fraction,
            "seed": self.seed,
            "slices of a contrast": self.slices,
            "objective": "mean PSNR over slices, range: each slice's largest target value",
            "noise floor": RULE,
            "files": [volume.name for volume in volumes],
            "data": content_sha256(part for volume in volumes for part in parts_of(volume.path)),
            "versions": versions(),
            "code": code_sha256(*self.methods.values()),
        }


@dataclass(frozen=True, eq=False)
class TuningWork:
    """Tunes one method for one contrast and acceleration after the other; files are opened before the first.

    Attributes
    ----------
    inputs
        Files and folders of fully sampled raw data with targets.
    tuning
        Methods and protocol.
    device
        Device on which the methods run.
    """

    inputs: Sequence[Path]
    tuning: Tuning
    device: torch.device
    problems: Problems = field(default_factory=Problems)

    @cached_property
    def contrasts(self) -> dict[str, list[Volume]]:
        """The volumes of each contrast."""
        return _contrasts(find_files(self.inputs), self.problems)

    @cached_property
    def _read(self) -> Callable[[str, float], list[Acquisition]]:
        """Function that reads the slices of a contrast at an acceleration, and remembers the last ones."""

        def read(contrast: str, acceleration: float) -> list[Acquisition]:
            sampling = self.tuning.sampling(acceleration)
            return _slices(self.contrasts[contrast], sampling, self.tuning.slices, self.device)

        return lru_cache(maxsize=1)(read)

    def tasks(self) -> list[Task]:
        """List contrasts, accelerations and methods, all methods on the same slices in a row."""
        return [
            (f"{contrast}:{acceleration!r}", contrast, repr(acceleration), name)
            for contrast in self.contrasts
            for acceleration in self.tuning.accelerations
            for name in self.tuning.methods
        ]

    def __call__(self, task: Task, _advance: Advance) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the best settings of a method, and its mean PSNR with the default and with the best ones.

        Raises
        ------
        InputError
            If a slice cannot be read, or no settings give finite images.
        """
        _, contrast, acceleration, name = task
        runner = Runner(name, self.tuning.methods[name], self.device, floor=True)
        best, psnr_ = tune_method(runner, self._read(contrast, float(acceleration)))
        return tunable_settings(best), psnr_


def tune(inputs: list[Path], tuning: Tuning, output: Path, device: torch.device, crew: Crew = ALONE) -> TunedSettings:
    """Tune every method for every contrast and acceleration; results of an interrupted run are kept.

    Parameters
    ----------
    inputs
        Files and folders of fully sampled raw data with targets.
    tuning
        Methods and protocol.
    output
        YAML file, written after each result. A part of the work goes to a file beside it, whose results a run of
        all the work takes over.
    device
        Device on which the methods run.
    crew
        Who tunes.

    Raises
    ------
    InputError
        If a method has no `lamda`, no file can be used, or the output was made under another protocol.
    SystemExit
        At the end, if a file could not be used or a method failed.
    """
    for name, method in tuning.methods.items():
        if stages_of(name):
            raise InputError(f"only methods without stages are tuned; {name} takes the settings of {base_name(name)}")
        if "lamda" not in tunable_settings(method):
            raise InputError(f"{name} has no setting lamda, so there is nothing to tune")
    check_writable(output.parent)
    clean_parts(output.parent)
    work = TuningWork(inputs, tuning, device)
    protocol = tuning.protocol([volume for volumes in work.contrasts.values() for volume in volumes])
    tuned, tasks = _open(output, protocol), crew.part.of(work.tasks())
    if crew.part.is_all:
        before = tuned.model_dump()
        for path in part_files(output):
            _adopt(tuned, path)
        if tuned.model_dump() != before:
            _in_order(tuned, work.tasks()).write(output)
    else:
        output = crew.part.file(output)
        tuned = _open(output, protocol)
    missing = [task for task in tasks if not _is_tuned(tuned, task)]
    for task in tasks:
        if task not in missing:
            console.print(_sentence(tuned, task), markup=False)
    with progress() as bar:
        shown = bar.add_task("tune", total=len(tasks), completed=len(tasks) - len(missing))
        for index, result in crew.run(work, missing):
            _, contrast, acceleration, name = task = missing[index]
            with work.problems.collect():
                settings, psnr_ = result()
                entry = tuned.entry(contrast, float(acceleration))
                entry.methods[name], entry.psnr[name] = settings, psnr_
                _in_order(tuned, work.tasks()).write(output)
                console.print(_sentence(tuned, task), markup=False)
            bar.advance(shown)
    console.print(f"settings: {output}", markup=False, soft_wrap=True)
    work.problems.exit()
    return tuned


def _adopt(tuned: TunedSettings, path: Path) -> None:
    """Take over the results of a part.

    Raises
    ------
    InputError
        If they were made under another protocol.
    """
    for found in _open(path, tuned.protocol).settings:
        entry = tuned.entry(found.contrast, found.acceleration)
        entry.methods, entry.psnr = found.methods | entry.methods, found.psnr | entry.psnr


def _in_order(tuned: TunedSettings, tasks: Sequence[Task]) -> TunedSettings:
    """Sort entries and methods as the tasks are, whichever was tuned first."""
    contrasts, accelerations, methods = ([*dict.fromkeys(words)] for words in list(zip(*tasks, strict=True))[1:])

    def sort(values: dict[str, T]) -> dict[str, T]:
        return {name: values[name] for name in sorted(values, key=lambda name: _place(methods, name))}

    def place(entry: TunedEntry) -> tuple[int, int]:
        return _place(contrasts, entry.contrast), _place(accelerations, repr(entry.acceleration))

    tuned.settings.sort(key=place)
    for entry in tuned.settings:
        entry.methods, entry.psnr = sort(entry.methods), sort(entry.psnr)
    return tuned


def _place(words: Sequence[str], word: str) -> int:
    return words.index(word) if word in words else len(words)


def _is_tuned(tuned: TunedSettings, task: Task) -> bool:
    _, contrast, acceleration, name = task
    entry = tuned.entry(contrast, float(acceleration))
    return name in entry.methods and {"default", "tuned"} <= set(entry.psnr.get(name, {}))


def _sentence(tuned: TunedSettings, task: Task) -> str:
    _, contrast, acceleration, name = task
    entry = tuned.entry(contrast, float(acceleration))
    title = f"{contrast or 'no contrast'}, {float(acceleration):g}x, {name}"
    return f"{title}: {_words(entry.methods[name], entry.psnr[name])}"


def _open(path: Path, protocol: dict[str, Any]) -> TunedSettings:
    if not path.exists():
        return TunedSettings(protocol=protocol)
    earlier = read_tuned(path)
    if earlier.protocol != protocol:
        raise InputError(f"{path}: was made under another protocol; give another --output")
    return earlier


def _contrasts(files: Sequence[Path], problems: Problems) -> dict[str, list[Volume]]:
    """Open the fully sampled volumes that have a target, by contrast."""
    contrasts: dict[str, list[Volume]] = defaultdict(list)
    for path in files:
        with problems.collect():
            volume = with_target(open_volume(path))
            if volume.mask is not None or volume.target_name is None:
                raise InputError(f"{path}: is not fully sampled or has no target, so it cannot be tuned on")
            contrasts[volume.header.contrast].append(volume)
    if not contrasts:
        raise InputError("there is no fully sampled file with a target to tune on")
    return contrasts


def _slices(volumes: Sequence[Volume], sampling: Sampling, number: int, device: torch.device) -> list[Acquisition]:
    """Read and undersample slices that are evenly spread over all volumes; a series counts as one slice."""
    scans = [SampledVolume(volume, sampling) for volume in volumes]
    every = [(scan, series) for scan in scans for series in scan.series]
    middles = (np.arange(min(number, len(every))) + 0.5) / min(number, len(every)) * len(every)
    chosen = [every[int(middle)] for middle in middles]
    return [scan.read(index).to(device) for scan, series in chosen for index in series]


def _words(settings: dict[str, Any], psnr: dict[str, float]) -> str:
    listed = ", ".join(f"{key} {value}" for key, value in settings.items())
    return f"{listed}: {psnr['tuned']:.2f} dB, by default {psnr['default']:.2f} dB"
