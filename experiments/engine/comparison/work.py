"""Reconstruct one scan with one method and score it: the task of a comparison that processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import torch

from recon.data.open import Volume, open_volume, result_name
from recon.experiments.cluster.job import Advance, Task
from recon.experiments.engine.comparison.comparison import Comparison
from recon.experiments.engine.method_warnings import range_warnings
from recon.experiments.engine.results.outcome import Outcome, load_outcome
from recon.experiments.engine.results.scoring import score_result
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Runner
from recon.experiments.engine.scores.detail import TargetDetail, target_detail
from recon.experiments.engine.scores.metrics import Images
from recon.experiments.report.coverage import SetCoverage, measure
from recon.experiments.report.reliability import Reliability
from recon.experiments.report.scores.series import score_series
from recon.preprocessing.full_scan import with_target

RECONSTRUCTIONS = "reconstructions"
"""Folder of the images, in the folder of a comparison."""

SCORES = ".scores"
"""Folder of the scores of single results, in the folder of a comparison."""


@dataclass(frozen=True)
class PlannedResult:
    """A result that a comparison is going to make.

    Attributes
    ----------
    task
        Path of the raw data, number of the sampling, and name of the method.
    slices
        Number of slices of the scan.
    file, label
        Name of the raw data, and short description of the sampling.
    path
        File of the result.
    """

    task: Task
    slices: int
    file: str
    label: str
    path: Path


@dataclass(frozen=True, eq=False)
class ComparedFile:
    """An opened file of a comparison, and what all methods are compared with.

    Attributes
    ----------
    volume
        Raw data.
    stored
        Result of each task on the file, whether it is there or not.
    """

    volume: Volume
    stored: dict[Task, StoredResult]

    @cached_property
    def detail(self) -> TargetDetail | None:
        """The target and its fine detail; None if the file has no target."""
        target = self.volume.read_target()
        return None if target is None else target_detail(self.volume, target)


@dataclass(frozen=True, eq=False)
class ComparisonWork:
    """Does the tasks of a comparison; results and scores that exist are not made again.

    Attributes
    ----------
    comparison
        Methods and protocol.
    output
        Folder of the comparison.
    device
        Device on which the methods run.
    """

    comparison: Comparison
    output: Path
    device: torch.device

    def plan(self, path: Path) -> Iterator[PlannedResult]:
        """List what every method is to make of every scan of a file, all methods of a scan in a row.

        Raises
        ------
        InputError
            If the file cannot be opened, or a method was tuned, but not for its contrast.
        """
        for task, stored in self._open(path).stored.items():
            scan = stored.scan
            yield PlannedResult(task, len(scan), scan.volume.name, scan.label, stored.path)

    def stored(self, task: Task) -> StoredResult:
        """Return the scan and the method of a task, and the file of the result."""
        return self._open(Path(task[0])).stored[task]

    def __call__(self, task: Task, advance: Advance) -> Outcome:
        """Reconstruct and score, unless that was done before.

        Raises
        ------
        InputError
            If the file cannot be read or a slice cannot be reconstructed.
        """
        opened = self._open(Path(task[0]))
        stored = opened.stored[task]
        record = self.output / SCORES / stored.path.relative_to(self.output / RECONSTRUCTIONS).with_suffix(".json")
        outcome = load_outcome(record, stored)
        if outcome is None:
            outcome = self._make(stored, opened, advance)
            outcome.save(record, stored)
        else:
            advance(len(stored.scan))
        return outcome

    def _make(self, stored: StoredResult, opened: ComparedFile, advance: Advance) -> Outcome:
        scan, runner = stored.scan, stored.runner
        warnings = range_warnings(runner.name, runner.method, partial(scan.read, 0))
        result = stored.load_or_make(lambda: advance(1))
        detail = opened.detail
        scores = score_result(stored, result, detail)
        target = None if detail is None else detail.target
        series = tuple(score_series(scan, runner.name, target, result.images))
        if target is None or runner.bounds not in result.maps:
            return Outcome(scores, series, warnings=tuple(warnings))
        compared = (target, result.images, result.maps[runner.bounds])
        reliability = Reliability()
        reliability.add(*compared)
        return Outcome(scores, series, _coverage(stored, *compared), reliability, tuple(warnings))

    @cached_property
    def _open(self) -> Callable[[Path], ComparedFile]:
        """Function that opens a file, and remembers the last one."""
        return lru_cache(maxsize=1)(self._read)

    def _read(self, path: Path) -> ComparedFile:
        comparison = self.comparison
        volume = with_target(open_volume(path), comparison.steps)
        stored: dict[Task, StoredResult] = {}
        for number, scan in enumerate(comparison.scans(volume)):
            folder = self.output / RECONSTRUCTIONS / scan.label.replace(" ", "-")
            for name, method in comparison.methods_for(scan).items():
                runner = Runner(
                    name,
                    method,
                    self.device,
                    comparison.calibrations.get(name),
                    floor=comparison.floor,
                    coverage=comparison.coverage,
                )
                stored[str(path), str(number), name] = StoredResult(scan, runner, folder / name / result_name(path))
        return ComparedFile(volume, stored)


def _coverage(stored: StoredResult, target: Images, images: Images, bounds: Images) -> SetCoverage:
    scan, runner = stored.scan, stored.runner
    stated, reached, width = measure(target, images, bounds, runner.coverage)
    return SetCoverage(
        scan.volume.name, runner.name, scan.mask_kind, scan.acceleration, scan.seed, stated, reached, width
    )
