"""Rows and exhibits of a comparison, small and made up, for tests of what is shown."""

from typing import Any

import numpy as np

from recon.experiments.report.figures import Exhibit
from recon.experiments.report.scores import Row

NAN = float("nan")


def make_row(**values: Any) -> Row:
    """Make a row; every value not given is a plain one."""
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
        "seconds": 1.5,
        "slices": 16,
    }
    return Row(**(plain | values))


def make_exhibit(**values: Any) -> Exhibit:
    """Make an exhibit of two methods on a ramp of 12 rows by 8 columns; k-space has 16 by 10."""
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
            "zero-filled": make_row(method="zero-filled", ssim=0.7, psnr=28.0, nmse=0.1),
            "sense": make_row(method="sense", ssim=0.9, psnr=35.0, nmse=0.01),
        },
    }
    return Exhibit(**(plain | values))
