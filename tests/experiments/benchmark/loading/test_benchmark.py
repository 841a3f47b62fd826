"""Run the loading benchmark on small files, without asserting any speed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Header
from recon.experiments.benchmark.loading import benchmark as loading
from recon.experiments.cli import app


def benchmark(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["benchmark", "loading", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.mark.parametrize("state", [(), ("--cold",)])
def test_all_loaders_read_the_same_slices(tmp_path: Path, state: tuple[str, ...]) -> None:
    for name in "abc":
        header = Header(crop=(48, 40), padding=(2, 38))
        write_raw_file(tmp_path / "raw" / f"{name}.h5", coils=12, header=header)
    output = tmp_path / "out"
    printed = benchmark(
        tmp_path / "raw", "--output", output, "--workers", "0,1", "--repeats", 2, "--files", 2, *state
    ).output
    assert "4 equal to fastMRI's" in " ".join(printed.split())
    report = json.loads((output / "loading.json").read_text())
    assert report["shapes"] == [[2, 12, 48, 40]] * 2
    assert report["slices"] == report["same_slices"] == 4
    assert report["bytes_per_slice"]["ours, kept slices"] < report["bytes_per_slice"]["ours"]
    assert [(row["loader"], row["workers"]) for row in report["rows"]] == [
        (name, workers) for workers in (0, 1) for name in ("fastmri", "ours", "ours, kept slices")
    ]
    assert all(len(row["seconds"]["wall"]) == 2 and min(row["seconds"]["wall"]) > 0 for row in report["rows"])
    assert [path.name for path in output.iterdir()] == ["loading.json"]


def test_files_are_simulated_if_none_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "SIMULATED_SHAPE", (9, 64, 40))
    monkeypatch.setattr(loading, "SIMULATED_CROP", (32, 40))
    benchmark("--output", tmp_path, "--workers", 0, "--repeats", 1, "--files", 1)
    report = json.loads((tmp_path / "loading.json").read_text())
    assert report["shapes"] == [[4, 9, 64, 40]]
    assert report["same_slices"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--workers", "two"), "'two' is not a whole number"), (("nowhere.h5",), "no such file")],
)
def test_wrong_arguments_are_reported_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in benchmark(*arguments, "--output", tmp_path, code=2).output
