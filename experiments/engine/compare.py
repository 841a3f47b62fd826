"""`recon compare`: compare methods at several accelerations under one protocol."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import torch

from recon.coils import rss
from recon.contract import Reconstruction, UncertaintyCalibration
from recon.data.describe import describe_image
from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, find_files, open_volume, result_name
from recon.data.storage.atomic import check_writable, clean_parts
from recon.experiments.console import Problems, console, log, progress, say, say_all, warn
from recon.experiments.engine.detail import RULE as DETAIL_RULE
from recon.experiments.engine.detail import TargetDetail, target_detail
from recon.experiments.engine.method_warnings import RangeWarnings, calibration_for
from recon.experiments.engine.metrics import FOREGROUND, Images
from recon.experiments.engine.results.rerun import EarlierResults
from recon.experiments.engine.results.scoring import score_result
from recon.experiments.engine.results.store import StoredResult, check_replaceable
from recon.experiments.engine.run import INTERVAL, UNCERTAINTY, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.experiments.engine.tuning.settings import TunedSettings
from recon.experiments.report.coverage import SetCoverage, coverage_table, measure
from recon.experiments.report.lead import DEFINITION, ORACLE, lead_table, leads
from recon.experiments.report.panels import SliceComparison
from recon.experiments.report.plane_pictures import plane_pictures
from recon.experiments.report.reliability import Reliability
from recon.experiments.report.scores import (
    MethodScore,
    read_csv,
    summary_table,
    versions,
    write_csv,
    write_summary,
)
from recon.experiments.report.series_pictures import series_pictures
from recon.experiments.report.series_scores import SeriesScore, score_series, series_table
from recon.preprocessing.full_scan import with_target
from recon.preprocessing.steps import NO_STEPS, Steps
from recon.quality.noise_floor import RULE

METRICS, SUMMARY, REPORT, RECONSTRUCTIONS = "metrics.csv", "summary.json", "report.html", "reconstructions"

T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """The methods to compare, and the protocol.

    Attributes
    ----------
    methods
        Methods by the name under which they are registered.
    samplings
        All the ways in which fully sampled scans are undersampled.
    shown
        Number of volumes that the report shows in pictures, with the first seed.
    tuned
        Settings by contrast and acceleration that replace those of the methods.
    steps
        Preprocessing of every slice, before it is undersampled.
    uncertain
        Whether to compute the uncertainty of the images, and compare it with their errors.
    oracle
        Names of the methods that run a second time, at the best `lamda` for each slice, where a file has a target.
    floor
        Whether every image is brought to the noise floor of a full scan, see `with_noise_floor`.
    coverage
        Share of the pixels that the uncertainty covers; None for one standard deviation.
    """

    methods: dict[str, Reconstruction]
    samplings: tuple[Sampling, ...]
    shown: int = 8
    tuned: TunedSettings | None = None
    steps: Steps = NO_STEPS
    uncertain: bool = False
    oracle: tuple[str, ...] = ()
    floor: bool = True
    coverage: float | None = None

    def scans(self, volume: Volume) -> list[SampledVolume]:
        """Return a volume under every sampling, or as it was acquired if the scanner undersampled it."""
        samplings = self.samplings if volume.mask is None else [None]
        return [SampledVolume(volume, sampling) for sampling in samplings]

    def methods_for(self, scan: SampledVolume) -> dict[str, Reconstruction]:
        """Return the methods with their settings for a scan, and the oracles if there is a target.

        Raises
        ------
        InputError
            If a method was tuned, but not for the contrast of the scan.
        """
        methods = self.methods
        if self.tuned is not None:
            methods = {name: self.tuned.adapt(name, method, scan) for name, method in methods.items()}
        return methods | ({} if scan.volume.target_name is None else self._oracles(methods))

    def _oracles(self, methods: Mapping[str, Reconstruction]) -> dict[str, Reconstruction]:
        return {f"{name}{ORACLE}": BestWeight(methods[name], self.floor) for name in self.oracle}

    @cached_property
    def calibrations(self) -> dict[str, UncertaintyCalibration]:
        """Calibration of each method's uncertainty; empty if it is not asked for. Oracles have none.

        Methods without the calibration that intervals need are left out with a warning.
        """
        found = {}
        for name, method in self.methods.items() if self.uncertain else ():
            try:
                found[name] = calibration_for(name, method, self.coverage)
            except InputError as error:
                warn(str(error))
        return found

    def protocol(self) -> dict[str, Any]:
        """Return everything that is needed to repeat the numbers."""
        every = self.methods | self._oracles(self.methods)
        methods = {name: method.settings() for name, method in every.items()}
        if self.tuned is not None:
            for name in methods:
                methods[name] |= dict.fromkeys(self.tuned.keys(name), "tuned")
        uncertainty = {name: asdict(calibration) for name, calibration in self.calibrations.items()}
        return {
            "masks": _distinct(sampling.name for sampling in self.samplings),
            "accelerations": _distinct(sampling.acceleration for sampling in self.samplings),
            "center fractions": _distinct(sampling.center_fraction for sampling in self.samplings),
            "seeds": _distinct(sampling.seed for sampling in self.samplings),
            "mask seeding": "by file name; seed 0 as fastMRI's validation",
            "crop": "the reconstruction matrix of the header",
            "SSIM range": "largest target value of the volume",
            "noise floor": RULE if self.floor else "none",
            "foreground": FOREGROUND,
            "fine detail": DETAIL_RULE,
            "preprocessing": list(self.steps.words),
            "methods": methods,
            **({} if self.tuned is None else {"tuned settings": self.tuned.summary()}),
            **({"uncertainty": uncertainty} if uncertainty else {}),
            **({} if self.coverage is None else {"coverage": self.coverage}),
        }


def compare(
    inputs: list[Path], comparison: Comparison, output: Path, device: torch.device, overwrite: bool = False
) -> list[MethodScore]:
    """Run a comparison; results of an interrupted run are not made again.

    Parameters
    ----------
    inputs
        Files and folders of raw data.
    comparison
        Methods and protocol.
    output
        Folder of `metrics.csv`, `summary.json`, `report.html`, `figures/` and `reconstructions/`.
    device
        Device on which the methods run.
    overwrite
        Whether files that no comparison has written may be replaced.

    Returns
    -------
    list of MethodScore
        Scores of each volume, method and acceleration.

    Raises
    ------
    InputError
        If nothing could be reconstructed, or a file to write exists already and no comparison has written it.
    SystemExit
        At the end, if a file could not be read or reconstructed.
    """
    check_writable(output)
    problems, warnings, protocol = Problems(), RangeWarnings(), comparison.protocol()
    planned = _plan(find_files(inputs), comparison, output, device, problems)
    for folder in {output, output / "figures", *(stored.path.parent for stored in planned)}:
        clean_parts(folder)
    if not overwrite:
        _check_replaceable(output, planned)
    earlier = EarlierResults(output / METRICS, (stored.path for stored in planned))
    scores: list[MethodScore] = []
    reliabilities: dict[str, Reliability] = defaultdict(Reliability)
    detail: TargetDetail | None = None  # of the volume that is being compared
    coverages: list[SetCoverage] = []
    series_scores: list[SeriesScore] = []
    with progress() as bar:
        task = bar.add_task("compare", total=sum(len(stored.scan) for stored in planned))
        for stored in planned:
            scan, runner = stored.scan, stored.runner
            bar.update(task, description=f"{scan.volume.name}, {scan.label}, {runner.name}")
            with problems.collect():
                warnings.check(runner.name, runner.method, partial(scan.read, 0))
                result = stored.load_or_make(lambda: bar.advance(task))
                target = scan.volume.read_target()
                if target is not None and (detail is None or detail.volume is not scan.volume):
                    detail = target_detail(scan.volume, target)
                scores.append(score_result(stored, result, None if target is None else detail))
                log(f"{bar.tasks[0].description}: {earlier.describe(stored.path, result.seconds)}")
                series_scores += score_series(scan, runner.name, target, result.images)
                if target is not None and runner.bounds in result.maps:
                    compared = (target, result.images, result.maps[runner.bounds])
                    coverages.append(_coverage(stored, *compared))
                    reliabilities[runner.name].add(*compared)
            if scores:  # an error here ends the run, because nothing else could be written either
                write_csv(output / METRICS, scores)
    if not scores:
        raise InputError("nothing could be reconstructed")
    say_all(earlier.sentences(scores))
    _summarise(output / SUMMARY, scores, coverages, series_scores, protocol)
    notes = problems.sentences + warnings.sentences
    try:
        with extra("report", "report.html"):
            from recon.experiments.report.page import write_report  # noqa: PLC0415
    except MissingExtraError as error:
        say(f"scores: {output / METRICS}; {error}")
    else:
        comparisons = _slice_comparisons(planned, scores, comparison)
        curves = reliabilities if comparison.coverage is None else None
        write_report(output, scores, comparisons, protocol, notes, curves, coverages, series_scores)
        say(f"report: {output / REPORT}{problems.remark}")
    problems.exit()
    return scores


def _summarise(
    path: Path,
    scores: Sequence[MethodScore],
    coverages: Sequence[SetCoverage],
    series_scores: Sequence[SeriesScore],
    protocol: Mapping[str, Any],
) -> None:
    """Write and print the means, the leads over the best oracle, scores of series, and coverages."""
    ahead = leads(scores)
    further: dict[str, Any] = {}
    if ahead:
        rows = [asdict(lead) for lead in ahead]
        further["lead over the best oracle"] = {"definition": DEFINITION, "rows": rows}
    if coverages:
        further["coverage"] = [asdict(one) for one in coverages]
    if series_scores:
        further["series"] = [asdict(one) | one.summary for one in series_scores]
    write_summary(path, scores, protocol, versions(), further)
    console.print(summary_table(scores))
    if ahead:
        console.print(lead_table(ahead))
    if series_scores:
        console.print(series_table(series_scores))
    if coverages:
        console.print(coverage_table(coverages))


def _check_replaceable(output: Path, planned: Iterable[StoredResult]) -> None:
    """Refuse to replace files that no comparison has written; the table of metrics is always written first."""
    for stored in planned:
        check_replaceable(stored.path, damaged=True)
    metrics = output / METRICS
    if not metrics.exists():
        others = [path for path in (output / SUMMARY, output / REPORT) if path.exists()]
        if others:
            raise InputError(
                f"{others[0]}: exists already without the {METRICS} of a comparison; "
                "give another --output, or --overwrite"
            )
        return
    try:
        read_csv(metrics)
    except (InputError, ValueError, csv.Error) as error:
        raise InputError(
            f"{metrics}: exists already and is no table of a comparison as this version writes it; "
            "give another --output, or --overwrite"
        ) from error


def _plan(
    files: Sequence[Path], comparison: Comparison, output: Path, device: torch.device, problems: Problems
) -> list[StoredResult]:
    """List what every method is to make of every scan, all methods of a scan in a row."""
    planned: list[StoredResult] = []
    for path in files:
        with problems.collect():
            for scan in comparison.scans(with_target(open_volume(path), comparison.steps)):
                folder = output / RECONSTRUCTIONS / scan.label.replace(" ", "-")
                for name, method in comparison.methods_for(scan).items():
                    runner = Runner(
                        name,
                        method,
                        device,
                        comparison.calibrations.get(name),
                        floor=comparison.floor,
                        coverage=comparison.coverage,
                    )
                    planned.append(StoredResult(scan, runner, folder / name / result_name(scan.volume.path)))
    return planned


def _coverage(stored: StoredResult, target: Images, images: Images, bounds: Images) -> SetCoverage:
    scan, runner = stored.scan, stored.runner
    stated, reached, width = measure(target, images, bounds, runner.coverage)
    return SetCoverage(
        scan.volume.name, runner.name, scan.mask_kind, scan.acceleration, scan.seed, stated, reached, width
    )


def _slice_comparisons(
    planned: Sequence[StoredResult], scores: Sequence[MethodScore], comparison: Comparison
) -> Iterator[SliceComparison]:
    """Show the middle slice of the first volumes, as every method reconstructed it with the first seed."""
    names = _distinct(stored.scan.volume.name for stored in planned)[: comparison.shown]
    for scan, of_scan in groupby(planned, lambda stored: stored.scan):
        if scan.volume.name not in names or (scan.sampling and scan.seed != comparison.samplings[0].seed):
            continue
        loaded = {stored.runner.name: stored.load() for stored in of_scan}
        results = {name: result for name, result in loaded.items() if result is not None}
        if not results:
            continue
        bounds = (UNCERTAINTY, INTERVAL)
        uncertainties = {name: one.maps[kind] for name, one in results.items() for kind in bounds if kind in one.maps}
        index = len(scan) // 2
        acquisition = scan.read(index)
        images = {name: result.images for name, result in results.items()}
        shown = (scan.volume.name, scan.mask_kind, scan.acceleration, scan.seed)
        yield SliceComparison(
            file=scan.volume.name,
            acquisition=scan.volume.header.contrast,
            slice=index,
            acceleration=scan.acceleration,
            mask_kind=scan.mask_kind,
            seed=scan.seed,
            target=None if acquisition.target is None else acquisition.target.numpy(),
            series=series_pictures(scan, images, index),
            planes=plane_pictures(scan, images, index),
            shown=describe_image(scan.volume.header, scan.volume.number(index)),
            images={name: every[index] for name, every in images.items()},
            uncertainties={name: maps[index] for name, maps in uncertainties.items()},
            coverage=comparison.coverage,
            mask=acquisition.mask.numpy(),
            kspace=rss(acquisition.kspace).numpy(),
            scores={
                score.method: score
                for score in scores
                if (score.file, score.mask, score.acceleration, score.seed) == shown
            },
        )


def _distinct(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))
