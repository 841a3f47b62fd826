"""`recon compare`: several methods at several accelerations, side by side under one protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from data.acquisition import Acquisition
from data.errors import InputError
from data.files import Volume, find_files, open_volume, result_name
from data.masks import MaskKind, Sampling, center_lines, default_center_fraction
from experiments.console import Problems, console, progress
from experiments.doubts import Doubts
from experiments.figures import Exhibit
from experiments.job import Job, Result, settings
from experiments.methods import Reconstruction
from experiments.metrics import Metrics, score
from experiments.reliability import Reliability
from experiments.report import write_report
from experiments.results import Row, table, versions, write_csv, write_summary
from experiments.tuned import Tuned
from experiments.uncertainty import calibration_of
from recon.coils import rss
from recon.preprocess import NO_STEPS, Steps, stepped
from recon.uncertainty import Calibration

AS_ACQUIRED = "as acquired"


@dataclass(frozen=True)
class Comparison:
    """What is compared, and under which protocol.

    Attributes
    ----------
    methods
        By the name they are registered as.
    accelerations
        At which fully sampled scans are undersampled.
    mask
        How.
    center_fraction
        Fully sampled share of the lines; None for 0.32 over the acceleration, as fastMRI has it at 4x and 8x.
    seed
        Of the masks, see `Sampling`.
    shown
        How many volumes the report shows in pictures.
    tuned
        Settings by contrast and acceleration that replace those of the methods.
    steps
        What is done to every slice before it is undersampled.
    uncertain
        Whether the uncertainty of the images is told and checked too.
    """

    methods: dict[str, Reconstruction]
    accelerations: tuple[float, ...]
    mask: MaskKind
    center_fraction: float | None = None
    seed: int = 0
    shown: int = 8
    tuned: Tuned | None = None
    steps: Steps = NO_STEPS
    uncertain: bool = False

    def adapted(self, volume: Volume, sampling: Sampling | None) -> dict[str, Reconstruction]:
        """Give the methods as they are set for a volume under a sampling."""
        if self.tuned is None:
            return self.methods
        return {name: self.tuned.adapt(name, method, volume, sampling) for name, method in self.methods.items()}

    @cached_property
    def calibrations(self) -> dict[str, Calibration]:
        """Give what turns each method's uncertainty into standard deviations; nothing if it is not asked for."""
        return {name: calibration_of(name, method) for name, method in self.methods.items() if self.uncertain}

    def samplings(self, volume: Volume) -> list[Sampling | None]:
        """List how a volume is undersampled: at every acceleration, or not at all if the scanner did it."""
        if volume.mask is not None:
            return [None]
        return [
            Sampling(self.mask, acceleration, self._center_fraction(acceleration), self.seed)
            for acceleration in self.accelerations
        ]

    def protocol(self) -> dict[str, Any]:
        """Everything that must be known to repeat the numbers."""
        methods = {name: settings(method) for name, method in self.methods.items()}
        if self.tuned is not None:
            for name in methods:
                methods[name] |= dict.fromkeys(self.tuned.keys(name), "tuned")
        uncertainty = {name: asdict(calibration) for name, calibration in self.calibrations.items()}
        return {
            "mask": str(self.mask),
            "accelerations": list(self.accelerations),
            "center fractions": [self._center_fraction(acceleration) for acceleration in self.accelerations],
            "seed": self.seed,
            "mask seeding": "by file name, as fastMRI's validation" + (f", and {self.seed}" if self.seed else ""),
            "crop": "the reconstruction matrix of the header",
            "SSIM range": "largest target value of the volume",
            "preprocessing": list(self.steps.words),
            "methods": methods,
            **({} if self.tuned is None else {"tuned settings": self.tuned.summary()}),
            **({"uncertainty": uncertainty} if uncertainty else {}),
        }

    def _center_fraction(self, acceleration: float) -> float:
        return default_center_fraction(acceleration) if self.center_fraction is None else self.center_fraction


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

    def read(self, index: int) -> Acquisition:
        """Read a slice as the methods get it."""
        acquisition = self.volume.read(index)
        return acquisition if self.sampling is None else self.sampling(acquisition)


def compare(inputs: list[Path], comparison: Comparison, output: Path, device: torch.device) -> list[Row]:
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
    list of Row
        One for each volume, method and acceleration.

    Raises
    ------
    InputError
        If nothing could be reconstructed.
    SystemExit
        At the end, if a file could not be read or reconstructed.
    """
    problems, doubts, protocol = Problems(), Doubts(), comparison.protocol()
    scans = _scans(find_files(inputs), comparison, output, problems)
    rows: list[Row] = []
    reliabilities: dict[str, Reliability] = defaultdict(Reliability)
    with progress() as bar:
        task = bar.add_task("compare", total=sum(len(scan.volume) * len(scan.jobs) for scan in scans))
        for scan in scans:
            for job in scan.jobs:
                bar.update(task, description=f"{scan.title}, {job.name}")
                with problems.collect():
                    doubts.consider(job.name, job.method, partial(job.read, 0))
                    result = job.finish(device, lambda: bar.advance(task))
                    target = scan.volume.read_target()
                    rows.append(_row(scan, job, result, target))
                    if target is not None and result.uncertainty is not None:
                        reliabilities[job.name].add(target, result.images, result.uncertainty)
                    write_csv(output / "metrics.csv", rows)
    if not rows:
        raise InputError("nothing could be reconstructed")
    write_summary(output / "summary.json", rows, protocol, versions())
    notes = problems.sentences + doubts.sentences
    write_report(output, rows, _exhibits(scans, rows, comparison.shown), protocol, notes, reliabilities)
    console.print(table(rows))
    console.print(f"report: {output / 'report.html'}", markup=False, soft_wrap=True)
    problems.exit()
    return rows


def _scans(files: list[Path], comparison: Comparison, output: Path, problems: Problems) -> list[Scan]:
    scans, calibrations = [], comparison.calibrations
    for path in files:
        with problems.collect():
            volume = stepped(open_volume(path), comparison.steps)
            for sampling in comparison.samplings(volume):
                folder = output / "reconstructions" / _label(sampling).replace(" ", "-")
                jobs = [
                    Job(
                        volume,
                        sampling,
                        name,
                        method,
                        folder / name / result_name(volume.path),
                        calibrations.get(name),
                    )
                    for name, method in comparison.adapted(volume, sampling).items()
                ]
                scans.append(Scan(volume, sampling, jobs))
    return scans


def _row(scan: Scan, job: Job, result: Result, target: NDArray[np.float32] | None) -> Row:
    metrics = Metrics(np.nan, np.nan, np.nan) if target is None else _score(scan.volume, target, result.images)
    sampling = scan.sampling or _acquired(scan.volume)
    return Row(
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


def _exhibits(scans: list[Scan], rows: list[Row], shown: int) -> Iterator[Exhibit]:
    """Show the middle slice of the first volumes, as every method reconstructed it."""
    names = list(dict.fromkeys(scan.volume.name for scan in scans))[:shown]
    for scan in scans:
        results = {job.name: job.stored() for job in scan.jobs}
        index = len(scan.volume) // 2
        images = {name: result.images[index] for name, result in results.items() if result is not None}
        if scan.volume.name not in names or not images:
            continue
        acquisition = scan.read(index)
        acceleration = (scan.sampling or _acquired(scan.volume)).acceleration
        yield Exhibit(
            file=scan.volume.name,
            acquisition=scan.volume.header.contrast,
            slice=index,
            acceleration=acceleration,
            mask_kind=_kind(scan.sampling),
            target=None if acquisition.target is None else acquisition.target.numpy(),
            images=images,
            uncertainties={
                name: result.uncertainty[index]
                for name, result in results.items()
                if result is not None and result.uncertainty is not None
            },
            mask=acquisition.mask.numpy(),
            kspace=rss(acquisition.kspace).numpy(),
            scores={
                row.method: row for row in rows if (row.file, row.acceleration) == (scan.volume.name, acceleration)
            },
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
    return AS_ACQUIRED if sampling is None else f"{sampling.acceleration:g}x {sampling.kind}"
