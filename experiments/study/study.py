"""`recon study`: reconstruct every scan in every arm, measure regions and edges, and test pairs of arms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.data.extras import MissingExtraError, extra
from recon.data.open import find_files, open_volume, result_name
from recon.data.storage.atomic import check_writable, clean_parts
from recon.experiments.console import Problems, console, progress, say, warn
from recon.experiments.engine.method_warnings import RangeWarnings
from recon.experiments.engine.results.store import StoredResult, check_replaceable
from recon.experiments.engine.run import NOISE, Result, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.study.arm_volume import arm_volume, held_averages
from recon.experiments.study.config import StudyConfig, folder_name
from recon.experiments.study.measure import MEASURES, RISE, SNR, measure_regions
from recon.experiments.study.pictures import SubjectPictures
from recon.experiments.study.regions import Regions, chosen_slices, find_regions, scan_name
from recon.experiments.study.results import StudyResults, check_table, write_json, write_values
from recon.experiments.study.statistics import FEWEST
from recon.experiments.study.table import results_table
from recon.preprocessing.steps import parse_steps, stepped
from recon.quality.noise_map import REPLICAS

VALUES, SUMMARY, REPORT = "values.csv", "summary.json", "report.html"


@dataclass(frozen=True, eq=False)
class Study:
    """A study and where it runs.

    Attributes
    ----------
    config
        The study.
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

    def protocol(self) -> dict[str, Any]:
        """Return everything that is needed to repeat the numbers."""
        config = self.config
        return {
            "study": config.model_dump(mode="json"),
            "measures": dict(MEASURES),
            "test": "two-sided Wilcoxon signed-rank over subjects; q by Benjamini-Hochberg over all tests",
            "noise maps": f"formula of the method, or {REPLICAS} pseudo-replicas" if config.replicas else "none",
            "noise floor": "none",
            "methods": {name: {"method": config.arms[name].method, **m.settings()} for name, m in self.methods.items()},
        }


@dataclass(frozen=True, eq=False)
class Subject:
    """A scan in all arms.

    Attributes
    ----------
    name
        Name of the scan without its suffix.
    config
        The study as it is for the subject.
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
    subjects = list(_subjects(find_files(inputs), study, output, problems))
    stored = [one for subject in subjects for one in subject.arms.values()]
    for folder in {output, output / "figures", *(one.path.parent for one in stored)}:
        clean_parts(folder)
    if not overwrite:
        _check_replaceable(output, stored)
    notes = _notes(study, subjects)
    results = StudyResults(tuple(config.arms), config.pairs)
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
                    result = one.load()  # as the file has it, whether it was made now or before
                    if result is None:
                        raise InputError(f"{one.path}: changed while the study was running; run it again")
                    regions = subject.find(arm, result.images.shape[1:], study.folder)
                    for reason in _measure(results, subject, arm, result, regions):
                        missing[reason].append(subject.name)
                    shown.add(arm, result.images, regions)
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


def _measure(
    results: StudyResults, subject: Subject, arm: str, result: Result, regions: Regions
) -> list[str]:
    """Add the values of one image, and return the reasons why some are missing."""
    config = subject.config
    values = measure_regions(
        result.images, regions.masks, config.air, config.reference, result.maps.get(NOISE)
    )
    values |= {(RISE, name): rise for name, rise in regions.rises(result.images).items()}
    results.add(subject.name, arm, values)
    reasons = []
    if any(np.isnan(values[SNR, name]) for name in config.tissues):
        reasons.append(f"{arm}: the air is black, so there is no SNR or CNR by its standard deviation")
    unclear = [name for (measure, name), value in values.items() if measure == RISE and np.isnan(value)]
    return reasons + [f"{arm}: there is no clear edge at {name}" for name in unclear]


def _subjects(files: Sequence[Path], study: Study, output: Path, problems: Problems) -> Iterator[Subject]:
    """Open every scan and list what every arm is to make of it."""
    steps = parse_steps(study.config.preprocess)
    for path in files:
        with problems.collect():
            volume = open_volume(path)
            config = study.config.for_subject(scan_name(volume))
            slices = chosen_slices(config, len(volume))
            arms: dict[str, StoredResult] = {}
            noisy = []
            for name, arm in config.arms.items():
                part = arm_volume(volume, slices, arm.averages, config.file_averages)
                scan = SampledVolume(stepped(part, steps), arm.sampling)
                if arm.sampling is not None and volume.mask is not None:
                    raise InputError(
                        f"{volume.name}: is undersampled as it was acquired, so the arm {name!r} cannot undersample it"
                    )
                runner = Runner(arm.method, study.methods[name], study.device, noise=config.replicas)
                file = output / "reconstructions" / folder_name(name) / result_name(volume.path)
                arms[name] = StoredResult(scan, runner, file)
                noisy += [name] if part.adds_noise else []
            yield Subject(scan_name(volume), config, arms, held_averages(volume, config.file_averages), noisy)


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
            f"{len(subjects)} subjects are too few for a test: with fewer than {FEWEST}, no signed-rank test reaches p < .05"
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
            from recon.experiments.study.page import write_page  # noqa: PLC0415
    except MissingExtraError as error:
        say(f"values: {output / VALUES}; {error}")
    else:
        write_page(output, study.config, results, pictures, protocol, notes)
        say(f"report: {output / REPORT}")
