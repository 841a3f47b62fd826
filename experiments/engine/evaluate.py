"""`recon evaluate`: score a folder of reconstructions against a folder of targets with fastMRI's metrics."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from recon.data.errors import InputError
from recon.data.open import find_files, open_volume
from recon.data.storage.hdf5 import open_hdf5, read_dataset
from recon.experiments.console import Problems, console
from recon.experiments.engine.metrics import Metrics, score_as_fastmri, score_file
from recon.experiments.report.scores import format_number


def evaluate(targets: Path, predictions: Path) -> dict[str, Metrics]:
    """Score every reconstruction, and print each volume, the mean and the standard deviation.

    Parameters
    ----------
    targets
        Folder or file of raw data with `reconstruction_rss` or, for single-coil k-space, `reconstruction_esc`.
    predictions
        Folder of files of the same names with the data set `reconstruction`.

    Returns
    -------
    dict
        Scores by name of the file.

    Raises
    ------
    SystemExit
        At the end, if a volume could not be scored.
    """
    problems, scores = Problems(), {}
    for path in find_files([targets]):
        with problems.collect():
            scores[path.name] = _score(path, predictions / path.name)
    if scores:
        console.print(_table(scores))
    problems.exit()
    return scores


def _score(target_file: Path, prediction_file: Path) -> Metrics:
    target = open_volume(target_file).read_target()
    if target is None:
        raise InputError(f"{target_file}: the file has no target to compare with")
    with open_hdf5(prediction_file) as file:
        images = read_dataset(file, "reconstruction")[()]
    if images.ndim != 3 or not np.isfinite(images).all():
        raise InputError(f"{prediction_file}: the reconstruction must be finite images (slices, rows, columns)")
    return score_file(prediction_file, target, images.astype(np.float32), score_as_fastmri)


def _table(scores: dict[str, Metrics]) -> Table:
    names = ("ssim", "psnr", "nmse")
    table = Table(title="fastMRI metrics by volume; no noise floor is added to the images", title_justify="left")
    for heading, justify in (("file", "left"), ("SSIM", "right"), ("PSNR [dB]", "right"), ("NMSE", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for name, metrics in scores.items():
        table.add_row(Text(name), *map(format_number, names, astuple(metrics)))
    values = np.array([[metrics.ssim, metrics.psnr, metrics.nmse] for metrics in scores.values()])
    means = values.mean(axis=0)
    table.add_section()
    if len(values) == 1:
        table.add_row("mean", *map(format_number, names, means))
        return table
    pairs = zip(names, means, values.std(axis=0, ddof=1), strict=True)
    cells = [f"{format_number(name, mean)} ± {format_number(name, spread)}" for name, mean, spread in pairs]
    table.add_row("mean ± standard deviation", *cells)
    return table
