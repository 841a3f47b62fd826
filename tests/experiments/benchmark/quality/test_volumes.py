"""The benchmark of 3-D scans scores methods beside BART at its best weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from recon.experiments.benchmark.quality.volumes import REPORT
from recon.experiments.cli import app

METHODS = ("--methods", "sense,sense-unfold", "--mask", "caipi:1x2,poisson", "--accelerations", "3")
WEIGHTS = ("--weights", "0.01,1", "--positions", "2", "--size", "48x44")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["benchmark", "volumes", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def anatomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, columns = np.mgrid[-1:1:64j, -1:1:64j]
    plane = (np.hypot(rows, columns) < 0.7) + (np.hypot(rows - 0.2, columns) < 0.2)
    path = tmp_path_factory.mktemp("anatomy") / "discs.npz"
    np.savez(path, image=np.stack([plane] * 3).astype(np.float32))
    return path


@pytest.mark.skipif(shutil.which("bart") is None, reason="needs BART")
def test_bart_is_shown_at_its_best_weight_and_on_the_scale_of_the_target(anatomy: Path, tmp_path: Path) -> None:
    result = run("--anatomy", anatomy, *METHODS, *WEIGHTS, "--output", tmp_path)
    results = json.loads((tmp_path / REPORT).read_text())["results"]
    scores = {one["method"]: one["psnr"] for one in results if "poisson" in one["mask"]}
    assert list(scores) == [
        "sense",
        *(f"bart pics {prior} {weight}" for prior in ("l2", "wavelet") for weight in ("0.01", "1")),
    ]
    assert scores["bart pics l2 0.01"] > scores["bart pics l2 1"]
    assert abs(scores["sense"] - scores["bart pics l2 0.01"]) < 6
    assert "l2 0.01" in result.stdout
    assert "l2 1 " not in result.stdout


def test_methods_that_cannot_reconstruct_a_mask_are_left_out(
    anatomy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    result = run("--anatomy", anatomy, *METHODS, *WEIGHTS, "--output", tmp_path)
    assert "no program `bart`" in result.stderr
    assert "closed-form unfolding needs" in result.stderr
    masks = [one["mask"] for one in json.loads((tmp_path / REPORT).read_text())["results"]]
    assert len(masks) == 3
    assert len(set(masks)) == 2


def test_full_scans_are_read_and_their_absence_is_refused(raw_file: Path, tmp_path: Path) -> None:
    common = ("--methods", "zero-filled", "--mask", "regular:1x2", "--weights", "", "--output", tmp_path)
    run(raw_file, *common)
    assert len(json.loads((tmp_path / REPORT).read_text())["results"]) == 1
    assert "there is no fully sampled volume" in run(*common, code=2).output
