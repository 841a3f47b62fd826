"""Checks `--axes` and `--variable` of the commands that read arrays without a header."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from helpers.programs.command import run as run_command
from helpers.scans.objects import object_acquisition
from recon.data.errors import InputWarning


def run(*arguments: object, code: int = 0) -> str:
    """Run a command, and return what it prints on a single line."""
    return " ".join(run_command(*arguments, code=code).output.split())


@pytest.fixture
def array() -> np.ndarray:
    """Return k-space with the axes readout, phase, coils."""
    return object_acquisition(4, 24, 20).kspace.numpy().transpose(1, 2, 0)


def test_info_doubts_an_unlikely_order_and_takes_another(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "scan.npy", array)
    with pytest.warns(InputWarning, match="24 coils of 20 x 4, which is unlikely.*--axes 'readout phase coils'"):
        assumed = run("info", tmp_path / "scan.npy")
    assert "coils readout phase (assumed)" in assumed
    named = run("info", tmp_path / "scan.npy", "--axes", "readout phase coils")
    assert "1 x 4" in named
    assert "24 x 20" in named
    assert "assumed" not in named


def test_reconstruct_takes_axes_and_makes_the_image_anew_for_others(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "scan.npy", array)
    command = (
        "reconstruct",
        tmp_path / "scan.npy",
        "--method",
        "zero-filled",
        "--output",
        tmp_path / "out",
        "--axes",
    )
    shapes = []
    for words in ("readout phase coils", "phase readout coils"):
        assert "done before" not in run(*command, words)
        assert "done before" in run(*command, words)
        with h5py.File(tmp_path / "out" / "scan.npy.h5") as file:
            shapes.append(file["reconstruction"].shape)
    assert shapes == [(1, 24, 20), (1, 20, 24)]


def test_a_variable_is_chosen(tmp_path: Path, array: np.ndarray) -> None:
    savemat(tmp_path / "scan.mat", {"full": array, "half": array[::2]})
    assert "choose one with --variable; available: full" in run("info", tmp_path / "scan.mat", code=2)
    assert "12 x 20" in run("info", tmp_path / "scan.mat", "--variable", "half")
    run("convert", tmp_path / "scan.mat", tmp_path / "scan.npy", "--variable", "full")
    np.testing.assert_array_equal(np.load(tmp_path / "scan.npy")[0], array.transpose(2, 0, 1))
    command = ("reconstruct", tmp_path / "scan.mat", "--method", "zero-filled", "--output", tmp_path / "out")
    run(*command, "--variable", "half", "--axes", "readout phase coils")
    with h5py.File(tmp_path / "out" / "scan.mat.h5") as file:
        assert file["reconstruction"].shape == (1, 12, 20)


def test_two_inputs_with_one_output_are_refused_before_anything_is_written(
    tmp_path: Path, array: np.ndarray, raw_file: Path
) -> None:
    np.save(tmp_path / "discs.npy", array)
    raw_file.rename(tmp_path / "discs.npy.h5")
    inputs = (tmp_path / "discs.npy", tmp_path / "discs.npy.h5")
    for command in ("reconstruct", "compare"):
        words = run(command, *inputs, "--output", tmp_path / "out", code=2)
        assert "has a result of the same name as that of" in words
    assert not (tmp_path / "out").exists()
    assert "48 x 40" in run("info", *inputs)
