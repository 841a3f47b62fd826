"""Run `recon study`: reconstruct every scan in every arm, measure regions and edges, and test pairs of arms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.data.open import find_files
from recon.data.storage.atomic import check_writable, clean_parts
from recon.experiments.console import Problems, console, log, progress, say, warn
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.results.rerun import EarlierResults
from recon.experiments.engine.results.store import StoredResult, check_replaceable
from recon.experiments.engine.run import NOISE, Result
from recon.experiments.study.measure import RISE, SNR, measure_regions
from recon.experiments.study.plan import Study, Subject, plan_subjects
from recon.experiments.study.regions import Regions
from recon.experiments.study.report.pictures import SubjectPictures
from recon.experiments.study.report.table import results_table
from recon.experiments.study.results import StudyResults, check_table, write_json, write_values
from recon.experiments.study.statistics import FEWEST

VALUES, SUMMARY, REPORT = "values.csv", "summary.json", "report.html"


def run_study(inputs: list[Path], study: Study, output: Path, overwrite: bool = False) -> StudyResults:
    """Run a study; results of an interrupted run are not made again.

    Parameters
    ----------
    inputs
        Files and folders of raw data, one file for each subject.
    study
        The study.
    output
        Folder of `values.csv`, `summary.json`, `report.html`, `figures/` and `reconstructions/`.
    overwrite
        Whether files that no study has written may be replaced.

    Returns
    -------
    StudyResults
        All values and tests.

    Raises
    ------
    InputError
        If nothing could be measured, or a file to write exists already and no study has written it.
    SystemExit
        At the end, if a file could not be read, reconstructed or measured.
    """
    check_writable(output)
    problems, warnings, config = Problems(), RangeWarnings(), study.config
    subjects = list(plan_subjects(find_files(inputs), study, output, problems))
    stored = [one for subject in subjects for one in subject.arms.values()]
    for folder in {output, output / "figures", *(one.path.parent for one in stored)}:
        clean_parts(folder)
    if not overwrite:
        _check_replaceable(output, stored)
    notes = _notes(study, subjects)
    results = StudyResults(tuple(config.arms), config.pairs)
    earlier = EarlierResults(output / VALUES, (one.path for one in stored))
    pictures: list[SubjectPictures] = []
    missing: dict[str, list[str]] = defaultdict(list)
    with progress() as bar:
        task = bar.add_task("study", total=sum(len(one.scan) for one in stored))
        for subject in subjects:
            shown = SubjectPictures(subject.name)
            for arm, one in subject.arms.items():
                bar.update(task, description=f"{subject.name}, {arm}")
                with problems.collect():
                    warnings.check(one.runner.name, one.runner.method, partial(one.scan.read, 0))
                    one.load_or_make(lambda: bar.advance(task))
                    result = one.load()  # from its file, whether it was made now or in an earlier run
                    if result is None:
                        raise InputError(f"{one.path}: changed while the study was running; run it again")
                    regions = subject.find(arm, result.images.shape[1:], study.folder)
                    for reason in _measure(results, subject, arm, result, regions):
                        missing[reason].append(subject.name)
                    shown.add(arm, result.images, regions)
                    log(f"{subject.name}, {arm}: {earlier.describe(one.path, result.seconds)}")
            if shown.images and len(pictures) < study.shown:
                pictures.append(shown)
            if results.values:
                write_values(output / VALUES, results)
    if not results.values:
        raise InputError("nothing could be measured")
    notes += [f"{reason}: {', '.join(names)}" for reason, names in missing.items()]
    _finish(study, results, pictures, output, problems.sentences + warnings.sentences + notes)
    problems.exit()
    return results


def _measure(results: StudyResults, subject: Subject, arm: str, result: Result, regions: Regions) -> list[str]:
    """Add the values of one image, and return the reasons why some are missing."""
    config = subject.config
    values = measure_regions(result.images, regions.masks, config.air, config.reference, result.maps.get(NOISE))
    values |= {(RISE, name): rise for name, rise in regions.rises(result.images).items()}
    results.add(subject.name, arm, values)
    results.add_lines(
        arm, 1 / subject.arms[arm].scan.read(0).acceleration, config.arms[arm].averages or subject.averages
    )
    reasons = []
    if any(np.isnan(values[SNR, name]) for name in config.tissues):
        reasons.append(f"{arm}: the air is black, so there is no SNR or CNR by its standard deviation")
    unclear = [name for (measure, name), value in values.items() if measure == RISE and np.isnan(value)]
    return reasons + [f"{arm}: there is no clear edge at {name}" for name in unclear]


def _notes(study: Study, subjects: Sequence[Subject]) -> list[str]:
    """Return what the reader should know about averages and subjects before the results."""
    notes = []
    noisy = [subject for subject in subjects if subject.adds_noise]
    if noisy:
        arms = ", ".join(dict.fromkeys(name for subject in noisy for name in subject.adds_noise))
        notes.append(
            f"{len(noisy)} of {len(subjects)} scans hold no single averages: noise of the right size was added to "
            f"their mean of {noisy[0].averages} for the arms {arms}"
        )
    names = {subject.name for subject in subjects}
    unknown = [name for name in study.config.subjects if name not in names]
    if unknown:
        notes.append(f"subjects of the study that are not among the scans: {', '.join(unknown)}")
    if study.config.pairs and len(subjects) < FEWEST:
        notes.append(
            f"number of subjects: {len(subjects)}; with fewer than {FEWEST}, no signed-rank test reaches p < .05"
        )
    for note in notes:
        warn(note)
    return notes


def _check_replaceable(output: Path, stored: Sequence[StoredResult]) -> None:
    """Refuse to replace files that no study has written; the table of values is always written first."""
    for one in stored:
        check_replaceable(one.path, damaged=True)
    table = output / VALUES
    check_table(table)
    others = [path for path in (output / SUMMARY, output / REPORT) if path.exists()]
    if others and not table.exists():
        raise InputError(
            f"{others[0]}: exists already without the {VALUES} of a study; give another --output, or --overwrite"
        )


def _finish(
    study: Study, results: StudyResults, pictures: Sequence[SubjectPictures], output: Path, notes: Sequence[str]
) -> None:
    """Write the summary and the report, and print the table."""
    protocol = study.protocol()
    write_json(output / SUMMARY, results.as_json(protocol, notes))
    console.print(results_table(results))
    if significant := sum(test.significant for test in results.tests):
        say(f"{significant} of {len(results.tests)} tests have q < .05")
    try:
        with extra("report", "report.html"):
            from recon.experiments.study.report.page import write_page  # noqa: PLC0415
    except MissingExtraError as error:
        say(f"values: {output / VALUES}; {error}")
    else:
        write_page(output, study.config, results, pictures, protocol, notes)
        say(f"report: {output / REPORT}")
