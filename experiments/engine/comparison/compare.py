"""`recon compare`: compare methods at several accelerations under one protocol."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from recon.coils import rss
from recon.data.describe import describe_image
from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.data.open import find_files
from recon.data.storage.atomic import check_writable, clean_parts
from recon.data.versions import versions
from recon.experiments.cluster.crew import ALONE, Crew
from recon.experiments.console import Problems, console, log, progress, say, say_all
from recon.experiments.engine.comparison.comparison import Comparison, distinct
from recon.experiments.engine.comparison.work import ComparisonWork, PlannedResult
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.results.outcome import Outcome
from recon.experiments.engine.results.rerun import EarlierResults, read_scores, rows_of_scores
from recon.experiments.engine.results.store import check_replaceable
from recon.experiments.engine.run import INTERVAL, UNCERTAINTY
from recon.experiments.report.coverage import SetCoverage, coverage_table
from recon.experiments.report.lead import DEFINITION, lead_table, leads
from recon.experiments.report.pictures.panels import SliceComparison, white_level
from recon.experiments.report.pictures.plane_pictures import plane_pictures
from recon.experiments.report.pictures.series_pictures import series_pictures
from recon.experiments.report.reliability import Reliability
from recon.experiments.report.scores.files import read_csv, write_csv, write_summary
from recon.experiments.report.scores.score import MethodScore
from recon.experiments.report.scores.series import SeriesScore, series_table
from recon.experiments.report.scores.table import summary_table
from recon.experiments.report.viewer.volume import Budget

METRICS, SUMMARY, REPORT = "metrics.csv", "summary.json", "report.html"

PAUSE = 10.0
"""Seconds between two writings of a long table of metrics."""

SHORT = 200
"""Number of lines up to which the table of metrics is written after every result."""


def compare(
    inputs: list[Path],
    comparison: Comparison,
    output: Path,
    device: torch.device,
    overwrite: bool = False,
    crew: Crew = ALONE,
) -> list[MethodScore]:
    """Run a comparison; results of an interrupted run are not made again, nor those of runs of its parts.

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
    crew
        Who reconstructs and scores. A part of the work leaves its results, but no tables and no report.

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
    problems, protocol = Problems(), comparison.protocol()
    work = ComparisonWork(comparison, output, device)
    planned = _plan(find_files(inputs), work, crew, problems)
    for folder in {output, output / "figures", *(one.path.parent for one in planned)}:
        clean_parts(folder)
    if not overwrite:
        _check_replaceable(output, planned)
    earlier = EarlierResults(output / METRICS, read_scores, (one.path for one in planned))
    outcomes = _outcomes(planned, work, crew, output if crew.part.is_all else None, problems, earlier)
    scores = [outcome.score for outcome in outcomes]
    if not crew.part.is_all:
        say(f"part {crew.part}: {len(scores)} of {len(planned)} results are in {output}")
        say("when all parts have ended, the same command without --part writes the tables and the report")
        problems.exit()
        return scores
    if not scores:
        raise InputError("nothing could be reconstructed")
    coverages = [outcome.coverage for outcome in outcomes if outcome.coverage is not None]
    series_scores = [one for outcome in outcomes for one in outcome.series]
    say_all(earlier.sentences(rows_of_scores(scores)))
    _summarise(output / SUMMARY, scores, coverages, series_scores, protocol)
    notes = problems.sentences + distinct(sentence for outcome in outcomes for sentence in outcome.warnings)
    try:
        with extra("report", "report.html"):
            from recon.experiments.report.page import write_report  # noqa: PLC0415
    except MissingExtraError as error:
        say(f"scores: {output / METRICS}; {error}")
    else:
        comparisons = _slice_comparisons(planned, work, scores)
        curves = _reliabilities(outcomes) if comparison.coverage is None else None
        write_report(output, scores, comparisons, protocol, notes, curves, coverages, series_scores)
        say(f"report: {output / REPORT}{problems.remark}")
    problems.exit()
    return scores


def _outcomes(
    planned: Sequence[PlannedResult],
    work: ComparisonWork,
    crew: Crew,
    output: Path | None,
    problems: Problems,
    earlier: EarlierResults,
) -> list[Outcome]:
    """Make all results, and return their outcomes in the order of the plan; the table in a folder grows with them."""
    made: dict[int, Outcome] = {}
    warnings, written = RangeWarnings(), 0.0

    def scores() -> list[MethodScore]:
        return [made[index].score for index in sorted(made)]

    with progress() as bar:
        task = bar.add_task("compare", total=sum(one.slices for one in planned))
        try:
            for index, result in crew.run(work, [one.task for one in planned], partial(bar.advance, task)):
                one = planned[index]
                name = f"{one.file}, {one.label}, {one.task[-1]}"
                bar.update(task, description=name)
                with problems.collect():
                    made[index] = result()
                    log(f"{name}: {earlier.describe(one.path, made[index].score.seconds)}")
                    warnings.tell(made[index].warnings)
                # an error here ends the run, because nothing else could be written either
                if output and made and (len(made) <= SHORT or time.monotonic() - written > PAUSE):
                    write_csv(output / METRICS, scores())
                    written = time.monotonic()
        finally:
            if output and len(made) > SHORT:
                write_csv(output / METRICS, scores())
    return [made[index] for index in sorted(made)]


def _reliabilities(outcomes: Iterable[Outcome]) -> dict[str, Reliability]:
    """Add the statistics of all scans, by method."""
    reliabilities: dict[str, Reliability] = defaultdict(Reliability)
    for outcome in outcomes:
        if outcome.reliability is not None:
            reliabilities[outcome.score.method].merge(outcome.reliability)
    return reliabilities


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


def _check_replaceable(output: Path, planned: Iterable[PlannedResult]) -> None:
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


def _plan(files: Sequence[Path], work: ComparisonWork, crew: Crew, problems: Problems) -> list[PlannedResult]:
    """List what this run is to make: all methods of a scan in a row, all scans of a file in a row."""
    planned: list[PlannedResult] = []
    for path in crew.part.of_files(files):
        with problems.collect():
            planned += work.plan(path)
    return crew.part.of_tasks(planned, files)


def _slice_comparisons(
    planned: Sequence[PlannedResult], work: ComparisonWork, scores: Sequence[MethodScore]
) -> Iterator[SliceComparison]:
    """Show the middle slice of the first volumes, as every method reconstructed it with the first seed."""
    comparison = work.comparison
    names = distinct(one.file for one in planned)[: comparison.shown]
    tasks = [one.task for one in planned if one.file in names]
    scans = [list(of_scan) for _, of_scan in groupby(tasks, lambda task: task[:2])]
    seeds = [one.seed for one in comparison.samplings] or [0]
    scans = [of_methods for of_methods in scans if seeds[int(of_methods[0][1])] == seeds[0]]
    budget = Budget(int(1e6 * comparison.viewer), len(scans))
    for of_methods in scans:
        scan = work.stored(of_methods[0]).scan
        loaded = {task[-1]: work.stored(task).load() for task in of_methods}
        results = {name: result for name, result in loaded.items() if result is not None}
        if not results:
            continue
        bounds = (UNCERTAINTY, INTERVAL)
        uncertainties = {name: one.maps[kind] for name, one in results.items() for kind in bounds if kind in one.maps}
        index = len(scan) // 2
        acquisition = scan.read(index)
        images = {name: result.images for name, result in results.items()}
        shown = (scan.volume.name, scan.mask_kind, scan.acceleration, scan.seed)
        pictures = SliceComparison(
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
        yield replace(pictures, viewer=budget.encode(scan, images, index, pictures.size, white_level(pictures)))
