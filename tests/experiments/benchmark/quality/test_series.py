"""The benchmark of series scores methods beside BART at each of its weights."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recon.experiments.benchmark.quality.series import REPORT
from recon.experiments.cli import app

METHODS = ("--methods", "l+s,zero-filled", "--acceleration", "3", "--weights", "0.003,0.01", "--iterations", "20")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hearts")
    run("simulate", "cine", folder, "--volumes", 1, "--frames", 4, "--coils", 4, "--size", "48x48", "--slices", 1)
    return folder


@pytest.mark.skipif(shutil.which("bart") is None, reason="needs BART")
def test_bart_is_measured_at_every_weight_and_on_the_scale_of_the_target(hearts: Path, tmp_path: Path) -> None:
    run("benchmark", "series", hearts, *METHODS, "--output", tmp_path)
    results = {one["method"]: one for one in json.loads((tmp_path / REPORT).read_text())["results"]}
    assert list(results) == ["l+s", "zero-filled", "bart pics T 0.003", "bart pics T 0.01"]
    assert results["bart pics T 0.003"]["psnr"] > results["zero-filled"]["psnr"] + 1
    assert results["l+s"]["psnr"] > results["zero-filled"]["psnr"] + 1


def test_bart_is_left_out_where_there_is_none(hearts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    result = run("benchmark", "series", hearts, *METHODS, "--output", tmp_path)
    assert "no program `bart`" in result.stderr
    assert len(json.loads((tmp_path / REPORT).read_text())["results"]) == 2


def test_files_without_series_are_refused(raw_file: Path, tmp_path: Path) -> None:
    result = run("benchmark", "series", raw_file, *METHODS, "--output", tmp_path, code=2)
    assert "none of the inputs holds a series" in result.output
