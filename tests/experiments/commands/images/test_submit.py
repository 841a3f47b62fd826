from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from helpers.files.raw_files import edit, write_raw_file
from recon.data.acquisition import Header
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.experiments.cli import app

Check = Callable[..., str]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Make a test set and correct predictions, and return a function that runs the command."""
    for name in ("a", "b"):
        write_raw_file(
            tmp_path / "test" / f"{name}.h5",
            slices=3,
            mask=np.arange(40) % 2 == 0,
            target=False,
            header=Header(crop=(24, 20), padding=(0, 40)),
        )
        write_reconstruction(tmp_path / "out" / f"{name}.h5", np.ones((3, 24, 20), np.float32))

    def run(*arguments: object, code: int) -> str:
        words = ["submit", tmp_path / "out", "--to", "fastmri", *arguments]
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exit_code == code, result.output + repr(result.exception)
        return " ".join(result.output.split())

    return run


def test_correct_predictions_are_accepted(check: Check, tmp_path: Path) -> None:
    assert "fits fastMRI's leaderboard; files: 2" in check("--test", tmp_path / "test", code=0)
    assert "names and sizes were not checked" in check(code=0)


def test_the_squares_that_fastmris_networks_write_for_narrow_scans_are_accepted(check: Check, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_reconstruction(tmp_path / "out" / f"{name}.h5", np.ones((3, 20, 20), np.float32))
    check("--test", tmp_path / "test", code=0)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.ones((3, 24, 20)), "a.h5: the reconstruction has type float64; expected float32"),
        (np.ones((3, 24, 20), np.complex64), "a.h5: the reconstruction has type complex64; expected float32"),
        (
            np.ones((3, 24), np.float32),
            "a.h5: the reconstruction has shape (3, 24); expected (slices,",
        ),
        (np.ones((2, 24, 20), np.float32), "a.h5: the reconstruction has 2 slices; the scan has 3"),
        (np.ones((3, 48, 40), np.float32), "a.h5: the images are 48x40; the scan requires 24x20"),
        (np.full((3, 24, 20), np.nan, np.float32), "a.h5: NaN or Inf in slices 0, 1, 2"),
        (None, "a.h5: there is no data set 'reconstruction' in the file, only nothing"),
    ],
)
def test_wrong_images_are_reported(check: Check, tmp_path: Path, images: np.ndarray | None, sentence: str) -> None:
    edit(tmp_path / "out" / "a.h5", reconstruction=images)
    printed = check("--test", tmp_path / "test", code=2)
    assert sentence in printed
    assert "b.h5" not in printed


def test_every_problem_is_reported(check: Check, tmp_path: Path) -> None:
    (tmp_path / "out" / "a.h5").rename(tmp_path / "out" / "c.h5")
    (tmp_path / "out" / "b.h5").write_text("no HDF5")
    (tmp_path / "out" / "notes.txt").touch()
    printed = check("--test", tmp_path / "test", code=2)
    assert "a.h5: is missing; the test set has a file of this name" in printed
    assert "c.h5: the test set has no file of this name" in printed
    assert "b.h5: the file is not HDF5" in printed
    assert "notes.txt: is not a reconstruction" in printed


def test_unknown_names_and_missing_folders_are_reported(check: Check, tmp_path: Path) -> None:
    assert "did you mean 'fastmri'" in check("--to", "fastmry", code=2)
    assert "no such file or folder" in check("--test", tmp_path / "none", code=2)
