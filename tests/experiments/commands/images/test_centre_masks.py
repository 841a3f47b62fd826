"""The centre of k-space alone is a row of a comparison, and Sharp enlarges images of it."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import Result

from helpers.files.raw_files import write_raw_file
from helpers.learned.networks import write_weights
from recon.experiments.report.scores.files import read_csv

Run = Callable[..., Result]


@pytest.fixture
def run(run_command: Run) -> Run:
    return run_command


@pytest.fixture
def raw_file(tmp_path: Path) -> Path:
    return write_raw_file(tmp_path / "raw" / "discs.h5", slices=1)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "sharp.safetensors", "sharp")


def test_a_comparison_has_rows_of_each_centre(run: Run, raw_file: Path, weights: Path, tmp_path: Path) -> None:
    methods, masks = "zero-filled,sense+sharp", "center,center_phase,equispaced@1.5x2"
    arguments = ("--methods", methods, "--mask", masks, "--accelerations", "2", "--center-fraction", "0.4")
    weight = ("--set", f"sense+sharp.sharp.checkpoint={weights}")
    run("compare", raw_file, *arguments, *weight, "--output", tmp_path / "out")
    rows = read_csv(tmp_path / "out" / "metrics.csv")
    assert [(row.mask, row.method) for row in rows] == [
        (mask, method) for mask in masks.split(",") for method in methods.split(",")
    ]
    assert all(row.scored for row in rows)
    assert rows[0].center_fraction == pytest.approx(2**-0.5)
    assert "Bands of k-space" in (tmp_path / "out" / "report.html").read_text()


def test_an_enlarged_image_keeps_its_field_of_view(run: Run, raw_file: Path, weights: Path, tmp_path: Path) -> None:
    fields = []
    for factor in (1, 2):
        settings = ("--set", f"sharp.checkpoint={weights}", "--set", f"sharp.factor={factor}")
        path = tmp_path / f"{factor}.nii.gz"
        run("reconstruct", raw_file, "--method", "sense+sharp", *settings, "--output", path)
        image = nib.load(path)
        fields.append(np.multiply(image.shape[:2], image.header.get_zooms()[:2]))
        assert image.shape[0] % factor == 0
    np.testing.assert_allclose(fields[1], fields[0], rtol=1e-3)
