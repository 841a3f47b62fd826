"""`recon compare`: several methods at several accelerations, side by side under one protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from recon.coils import rss
from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.data.masks import Sampling, center_lines
from recon.data.open import Volume, find_files, open_volume, result_name
from recon.experiments.console import Problems, console, progress, say
from recon.experiments.engine.job import Job, Result
from recon.experiments.engine.metrics import Metrics, score
from recon.experiments.engine.range_warnings import Doubts
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.experiments.engine.tuning.settings import Tuned
from recon.experiments.engine.uncertainty import calibration_of
from recon.experiments.report.panels import SliceComparison
from recon.experiments.report.reliability import Reliability
from recon.experiments.report.scores import VolumeScore, summary_table, versions, write_csv, write_summary
from recon.preprocessing.steps import NO_STEPS, Steps, stepped

AS_ACQUIRED = "as acquired"

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """What is compared, and under which protocol.

    Attributes
    ----------
    methods
        By the name they are registered as.
    samplings
        How fully sampled scans are undersampled.
    shown
        How many volumes the report shows in pictures, with the first seed.
    tuned
        Settings by contrast and acceleration that replace those of the methods.
    steps
        What is done to every slice before it is undersampled.
    uncertain
        Whether the uncertainty of the images is told and checked too.
    oracle
        Which of the methods run a second time, at the best `lamda` for each slice; where a file has a target.
    """

    methods: dict[str, Reconstruction]
    samplings: tuple[Sampling, ...]
    shown: int = 8
    tuned: Tuned | None = None
    steps: Steps = NO_STEPS
    uncertain: bool = False
    oracle: tuple[str, ...] = ()

    def adapted(self, volume: Volume, sampling: Sampling | None) -> dict[str, Reconstruction]:
        """Give the methods as they are set for a volume under a sampling; oracles where there is a truth."""
        if self.tuned is None:
            adapted = self.methods
        else:
            adapt = self.tuned.adapt
            adapted = {name: adapt(name, method, volume, sampling) for name, method in self.methods.items()}
        return adapted | ({} if volume.target_name is None else self._oracles(adapted))

    def _oracles(self, methods: Mapping[str, Reconstruction]) -> dict[str, Reconstruction]:
        return {f"{name}-oracle": BestWeight(methods[name]) for name in self.oracle}

    @cached_property
    def calibrations(self) -> dict[str, UncertaintyCalibration]:
        """Give what turns each method's uncertainty into standard deviations; nothing if it is not asked for.

        An oracle tells none.
        """
        if not self.uncertain:
            return {}
        return {name: calibration_of(name, method) for name, method in self.methods.items()}

    def samplings_of(self, volume: Volume) -> Sequence[Sampling | None]:
        """List how a volume is undersampled: in all ways, or not at all if the scanner did it."""
        return self.samplings if volume.mask is None else [None]

    def protocol(self) -> dict[str, Any]:
        """Everything that must be known to repeat the numbers."""
        every = self.methods | self._oracles(self.methods)
        methods = {name: method.settings() for name, method in every.items()}
        if self.tuned is not None:
            for name in methods:
                methods[name] |= dict.fromkeys(self.tuned.keys(name), "tuned")
        uncertainty = {name: asdict(calibration) for name, calibration in self.calibrations.items()}
        return {
            "masks": _distinct(str(sampling.kind) for sampling in self.samplings),
            "accelerations": _distinct(sampling.acceleration for sampling in self.samplings),
            "center fractions": _distinct(sampling.center_fraction for sampling in self.samplings),
            "seeds": _distinct(sampling.seed for sampling in self.samplings),
            "mask seeding": "by file name; seed 0 as fastMRI's validation",
            "crop": "the reconstruction matrix of the header",
            "SSIM range": "largest target value of the volume",
            "preprocessing": list(self.steps.words),
            "methods": methods,
            **({} if self.tuned is None else {"tuned settings": self.tuned.summary()}),
            **({"uncertainty": uncertainty} if uncertainty else {}),
        }


@dataclass(frozen=True, eq=False)
class Scan:
    """One volume under one sampling, and the jobs that reconstruct it."""

    volume: Volume
    sampling: Sampling | None
    jobs: list[Job]

    @property
    def title(self) -> str:
        """What is reconstructed, in a few words."""
        return f"{self.volume.name}, {_label(self.sampling)}"

    @property
    def seed(self) -> int | None:
        """Of its mask; None if the scanner undersampled it."""
        return None if self.sampling is None else self.sampling.seed

    def read(self, index: int) -> Acquisition:
        """Read a slice as the methods get it."""
        acquisition = self.volume.read(index)
        return acquisition if self.sampling is None else self.sampling(acquisition)


def compare(inputs: list[Path], comparison: Comparison, output: Path, device: torch.device) -> list[VolumeScore]:
    """Run a comparison; what an interrupted run finished is not done again.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    comparison
        Methods and protocol.
    output
        Folder of `metrics.csv`, `summary.json`, `report.html`, `figures/` and `reconstructions/`.
    device
        Where to compute.

    Returns
    -------
    list of VolumeScore
        One for each volume, method and acceleration.

    Raises
    ------
    InputError
        If nothing could be reconstructed.
    SystemExit
        At the end, if a file could not be read or reconstructed.
    """
    problems, doubts, protocol = Problems(), Doubts(), comparison.protocol()
    scans = _scans(find_files(inputs), comparison, output, device, problems)
    rows: list[VolumeScore] = []
    reliabilities: dict[str, Reliability] = defaultdict(Reliability)
    with progress() as bar:
        task = bar.add_task("compare", total=sum(len(scan.volume) * len(scan.jobs) for scan in scans))
        for scan in scans:
            for job in scan.jobs:
                bar.update(task, description=f"{scan.title}, {job.name}")
                with problems.collect():
                    doubts.consider(job.name, job.method, partial(job.read, 0))
                    result = job.finish(lambda: bar.advance(task))
                    target = scan.volume.read_target()
                    rows.append(_row(scan, job, result, target))
                    if target is not None and result.uncertainty is not None:
                        reliabilities[job.name].add(target, result.images, result.uncertainty)
                    write_csv(output / "metrics.csv", rows)
    if not rows:
        raise InputError("nothing could be reconstructed")
    write_summary(output / "summary.json", rows, protocol, versions())
    notes = problems.sentences + doubts.sentences
    console.print(summary_table(rows))
    try:
        with extra("report", "report.html"):
            from recon.experiments.report.page import write_report  # noqa: PLC0415
    except MissingExtraError as error:
        say(f"scores: {output / 'metrics.csv'}; {error}")
    else:
        write_report(output, rows, _exhibits(scans, rows, comparison), protocol, notes, reliabilities)
        console.print(f"report: {output / 'report.html'}", markup=False, soft_wrap=True)
    problems.exit()
    return rows


def _scans(
    files: list[Path], comparison: Comparison, output: Path, device: torch.device, problems: Problems
) -> list[Scan]:
    scans, calibrations = [], comparison.calibrations
    for path in files:
        with problems.collect():
            volume = stepped(open_volume(path), comparison.steps)
            for sampling in comparison.samplings_of(volume):
                folder = output / "reconstructions" / _label(sampling).replace(" ", "-")
                jobs = [
                    Job(
                        volume,
                        sampling,
                        name,
                        method,
                        folder / name / result_name(volume.path),
                        calibrations.get(name),
                        device,
                    )
                    for name, method in comparison.adapted(volume, sampling).items()
                ]
                scans.append(Scan(volume, sampling, jobs))
    return scans


def _row(scan: Scan, job: Job, result: Result, target: NDArray[np.float32] | None) -> VolumeScore:
    metrics = Metrics(np.nan, np.nan, np.nan) if target is None else _score(scan.volume, target, result.images)
    sampling = scan.sampling or _acquired(scan.volume)
    return VolumeScore(
        file=scan.volume.name,
        acquisition=scan.volume.header.contrast,
        method=job.name,
        acceleration=sampling.acceleration,
        mask=_kind(scan.sampling),
        center_fraction=sampling.center_fraction,
        seed=sampling.seed,
        ssim=metrics.ssim,
        psnr=metrics.psnr,
        nmse=metrics.nmse,
        seconds=result.seconds,
        slices=len(result.images),
    )


def _score(volume: Volume, target: NDArray[np.float32], images: NDArray[np.float32]) -> Metrics:
    try:
        return score(target, images)
    except ValueError as error:
        raise InputError(f"{volume.path}: {error}") from error


def _exhibits(scans: list[Scan], rows: list[VolumeScore], comparison: Comparison) -> Iterator[SliceComparison]:
    """Show the middle slice of the first volumes, as every method reconstructed it with the first seed."""
    names = list(dict.fromkeys(scan.volume.name for scan in scans))[: comparison.shown]
    for scan in scans:
        if scan.volume.name not in names or scan.seed not in (None, comparison.samplings[0].seed):
            continue
        results = {job.name: job.stored() for job in scan.jobs}
        index = len(scan.volume) // 2
        images = {name: result.images[index] for name, result in results.items() if result is not None}
        if not images:
            continue
        acquisition, sampling = scan.read(index), scan.sampling or _acquired(scan.volume)
        shown = (scan.volume.name, _kind(scan.sampling), sampling.acceleration, sampling.seed)
        yield SliceComparison(
            file=scan.volume.name,
            acquisition=scan.volume.header.contrast,
            slice=index,
            acceleration=sampling.acceleration,
            mask_kind=_kind(scan.sampling),
            seed=sampling.seed,
            target=None if acquisition.target is None else acquisition.target.numpy(),
            images=images,
            uncertainties={
                name: result.uncertainty[index]
                for name, result in results.items()
                if result is not None and result.uncertainty is not None
            },
            mask=acquisition.mask.numpy(),
            kspace=rss(acquisition.kspace).numpy(),
            scores={row.method: row for row in rows if (row.file, row.mask, row.acceleration, row.seed) == shown},
        )


@dataclass(frozen=True)
class _Acquired:
    """What is known of the sampling of a prospectively undersampled scan."""

    acceleration: float
    center_fraction: float
    seed: int = 0


def _acquired(volume: Volume) -> _Acquired:
    acquisition = volume.read(0)
    lines = center_lines(acquisition.mask)
    return _Acquired(acquisition.acceleration, (lines.stop - lines.start) / acquisition.matrix[1])


def _kind(sampling: Sampling | None) -> str:
    return AS_ACQUIRED if sampling is None else str(sampling.kind)


def _label(sampling: Sampling | None) -> str:
    if sampling is None:
        return AS_ACQUIRED
    return f"{sampling.acceleration:g}x {sampling.kind}" + (f" seed {sampling.seed}" if sampling.seed else "")


def _distinct(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))
