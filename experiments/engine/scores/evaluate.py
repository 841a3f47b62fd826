"""`recon evaluate`: score a folder of reconstructions against a folder of targets with fastMRI's metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from recon.data.errors import InputError
from recon.data.open import find_files, open_volume, result_name
from recon.data.storage.atomic import atomic_path, check_writable
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.experiments.cluster.crew import ALONE, Crew
from recon.experiments.cluster.job import Advance, Task
from recon.experiments.cluster.part import part_files
from recon.experiments.console import Problems, console, say
from recon.experiments.engine.results.evaluation import Evaluation, KeptScores, check_part
from recon.experiments.engine.scores.frame_scores import score_frames
from recon.experiments.engine.scores.metrics import Metrics, score_as_fastmri, score_file, square
from recon.experiments.report.scores.files import finite
from recon.experiments.report.scores.score import format_number
from recon.experiments.report.scores.series import HEADINGS, series_numbers
from recon.preprocessing.full_scan import with_target


def evaluate(
    targets: Path,
    predictions: Path,
    output: Path | None = None,
    overwrite: bool = False,
    crew: Crew = ALONE,
) -> dict[str, Evaluation]:
    """Score every reconstruction, and print each volume, the mean and the standard deviation.

    Parameters
    ----------
    targets
        Folder or file of raw data with `reconstruction_rss` or, for single-coil k-space, `reconstruction_esc`, or
        fully sampled in another format.
    predictions
        Folder of the files with the data set `reconstruction` that `recon reconstruct` writes of the raw data.
    output
        JSON file for all scores, by file, with those of every frame; None to print alone. A part of the work goes to
        a file beside it, and a run of all the work takes over what parts have scored.
    overwrite
        Whether that file may be replaced.
    crew
        Who scores.

    Returns
    -------
    dict
        Scores by name of the file.

    Raises
    ------
    InputError
        If the JSON file exists already, or a part of the work has no output.
    SystemExit
        At the end, if a volume could not be scored.
    """
    kept, own = _kept(output, overwrite, crew)
    problems, files = Problems(), crew.part.of(find_files([targets]))
    pairs = [(path, predictions / result_name(path)) for path in files]
    known = {index: found for index, pair in enumerate(pairs) if (found := kept.find(*pair)) is not None}
    taken_over, missing = len(known), [index for index in range(len(files)) if index not in known]
    tasks = [(str(files[index]),) for index in missing]
    try:
        for number, result in crew.run(partial(score_prediction, predictions), tasks):
            with problems.collect():
                index = missing[number]
                known[index] = result()
                if own is not None:
                    kept.add(*pairs[index], known[index])
    finally:
        if own is not None:
            kept.write(own)
    scores = {files[index].name: known[index] for index in sorted(known)}
    if own is not None:
        say(f"part {crew.part}: scores of {len(scores)} of {len(files)} files are in {own}")
        say("when all parts have ended, the same command without --part prints the table")
        problems.exit()
        return scores
    if taken_over:
        say(f"{taken_over} of {len(files)} files were scored before")
    _show(scores)
    if output is not None and scores:
        text = json.dumps(finite({name: one.as_dict() for name, one in scores.items()}), indent=1, ensure_ascii=False)
        with atomic_path(output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        say(f"scores: {output}")
    problems.exit()
    return scores


def _kept(output: Path | None, overwrite: bool, crew: Crew) -> tuple[KeptScores, Path | None]:
    """Check the output, and return what parts have scored, and the file of this part; None if this run does all."""
    if output is None:
        if not crew.part.is_all:
            raise InputError("a part of an evaluation keeps its scores in a file beside the output; give --output")
        return KeptScores([]), None
    check_writable(output.parent)
    if crew.part.is_all:
        if output.exists() and not overwrite:
            raise InputError(f"{output}: exists already; give another --output, or --overwrite")
        return KeptScores(part_files(output)), None
    own = crew.part.file(output)
    check_part(own)
    return KeptScores([own]), own


def score_prediction(predictions: Path, task: Task, _advance: Advance) -> Evaluation:
    """Score the reconstruction of the raw-data file that is named by a task.

    Raises
    ------
    InputError
        If there is no target, or no reconstruction that can be compared with it.
    """
    return _score(Path(task[0]), predictions / result_name(Path(task[0])))


def _score(target_file: Path, prediction_file: Path) -> Evaluation:
    volume = with_target(open_volume(target_file))
    with open_hdf5(prediction_file) as file:
        images = read_dataset(file, "reconstruction")[()]
    if images.ndim != 3 or not np.isfinite(images).all():
        raise InputError(f"{prediction_file}: the reconstruction must be finite images (slices, rows, columns)")
    target = volume.read_target()
    if target is None:
        raise InputError(f"{target_file}: the file has no target to compare with")
    images = images.astype(np.float32)
    whole = score_file(prediction_file, target, images, score_as_fastmri)
    frames = score_frames(prediction_file, volume.header, range(len(volume)), square(target), images)
    return Evaluation(whole, tuple(frames))


def _show(scores: Mapping[str, Evaluation]) -> None:
    """Print the tables."""
    if scores:
        console.print(_table({name: one.volume for name, one in scores.items()}))
    if any(one.series for one in scores.values()):
        console.print(_series_table(scores))


def _table(scores: Mapping[str, Metrics]) -> Table:
    names = ("ssim", "psnr", "nmse")
    table = Table(title="fastMRI metrics by volume; no noise floor is added to the images", title_justify="left")
    for heading in ("file", "SSIM", "PSNR [dB]", "NMSE"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for name, metrics in scores.items():
        table.add_row(Text(name), *map(format_number, names, astuple(metrics)))
    values = np.array([astuple(metrics) for metrics in scores.values()])
    means = values.mean(axis=0)
    table.add_section()
    if len(values) == 1:
        table.add_row("mean", *map(format_number, names, means))
        return table
    pairs = zip(names, means, values.std(axis=0, ddof=1), strict=True)
    cells = [f"{format_number(name, mean)} ± {format_number(name, spread)}" for name, mean, spread in pairs]
    table.add_row("mean ± standard deviation", *cells)
    return table


def _series_table(scores: Mapping[str, Evaluation]) -> Table:
    """Lay out mean and worst frame of every series."""
    table = Table(title="frames of each series, in the range of their volume", title_justify="left")
    for heading in ("file", "series", "frames", *HEADINGS):
        table.add_column(Text(heading), justify="left" if heading == "file" else "right")
    for name, one in scores.items():
        for frames in one.series:
            table.add_row(Text(name), str(frames.series), str(len(frames.psnr)), *series_numbers(frames))
    return table
