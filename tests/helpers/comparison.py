"""Read tables, and make small scores and slice comparisons for tests of the report."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from recon.experiments.report.pictures.panels import SliceComparison
from recon.experiments.report.scores.score import MethodScore

NAN = float("nan")


def table_without_times(folder: Path) -> list[dict[str, str]]:
    """Read the table of a comparison but for the seconds, which differ from run to run."""
    with (folder / "metrics.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def make_score(**values: Any) -> MethodScore:
    """Make the scores of one volume; values that are not given have plain defaults."""
    plain: dict[str, Any] = {
        "file": "scan.h5",
        "acquisition": "AXT2",
        "method": "sense",
        "acceleration": 4.0,
        "mask": "random",
        "center_fraction": 0.08,
        "seed": 0,
        "ssim": 0.9,
        "psnr": 35.0,
        "nmse": 0.01,
        "ssim_foreground": 0.88,
        "psnr_foreground": 33.0,
        "detail_energy": -1.0,
        "detail_correlation": 0.8,
        "seconds": 1.5,
        "slices": 16,
        "noise_floor": "full scan",
    }
    return MethodScore(**(plain | values))


def make_comparison(**values: Any) -> SliceComparison:
    """Compare two methods on a ramp of 12 rows by 8 columns, with k-space of 16 by 10 samples."""
    target = np.linspace(0, 1, 12 * 8).reshape(12, 8)
    plain: dict[str, Any] = {
        "file": "scan.h5",
        "acquisition": "AXT2",
        "slice": 3,
        "acceleration": 4.0,
        "mask_kind": "random",
        "seed": 0,
        "target": target,
        "images": {"zero-filled": 0.5 * target, "sense": 0.9 * target},
        "mask": np.arange(10) % 4 == 0,
        "kspace": np.outer(np.hanning(16), np.hanning(10)).astype(np.complex64),
        "scores": {
            "zero-filled": make_score(method="zero-filled", ssim=0.7, psnr=28.0, nmse=0.1),
            "sense": make_score(method="sense", ssim=0.9, psnr=35.0, nmse=0.01),
        },
    }
    return SliceComparison(**(plain | values))
