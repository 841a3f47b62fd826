"""Every command takes a method with stages behind it by its name alone."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from typer.testing import Result

from helpers.files.raw_files import write_raw_file
from recon import registry
from recon.contract import UncertaintyCalibration
from recon.data.open import open_volume
from recon.experiments.engine.method_warnings import calibration_for
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.settings import TunedEntry, TunedSettings
from recon.experiments.report.scores.files import read_csv
from recon.registry import create

Run = Callable[..., Result]

PLUGIN = '''
from dataclasses import dataclass

import recon


@recon.register_stage("times")
@dataclass(frozen=True)
class Times(recon.Stage):
    """The image times a factor."""

    factor: float = 2.0

    def __call__(self, image, noise, acquisition):
        return self.factor * image
'''


@pytest.fixture
def run(run_command: Run) -> Run:
    return run_command


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    registry.stage_names()
    monkeypatch.setattr(registry._stages, "registered", dict(registry._stages.registered))
    path = tmp_path / "my_stage.py"
    path.write_text(PLUGIN)
    return path


def test_compare_takes_a_composed_method_and_settings_of_its_stage(
    run: Run, raw_file: Path, stage: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    methods = ("--plugin", stage, "--methods", "sense,sense+times,grappa+times", "--set", "times.factor=1")
    own = ("--set", "grappa+times.times.factor=3", "--set", "sense+times.lamda=0.01", "--uncertainty")
    run("compare", raw_file, *methods, *own, "--accelerations", 3, "--no-noise-floor", "--output", output)
    scores = {score.method: score.ssim for score in read_csv(output / "metrics.csv")}
    assert list(scores) == ["sense", "sense+times", "grappa+times"]
    assert scores["sense+times"] == pytest.approx(scores["sense"], abs=0.02)
    assert scores["grappa+times"] < 0.9 * scores["sense"]
    used = json.loads((output / "summary.json").read_text())["protocol"]["methods"]
    assert used["sense+times"]["times"] == {"factor": 1.0}
    assert used["grappa+times"]["times"] == {"factor": 3.0}
    assert (used["sense"]["lamda"], used["sense+times"]["lamda"]) == (create("sense").settings()["lamda"], 0.01)
    assert "sense+times" in (output / "report.html").read_text()
    again = run("compare", raw_file, *methods, *own, "--accelerations", 3, "--no-noise-floor", "--output", output)
    assert "sense+times" in again.output


def test_reconstruct_takes_a_composed_method(run: Run, raw_file: Path, stage: Path, tmp_path: Path) -> None:
    command = ("reconstruct", raw_file, "--acceleration", 3, "--plugin", stage, "--output")
    for name, factor in ("once", 1), ("twice", 2):
        run(*command, tmp_path / name, "--method", "sense+times", "--set", f"times.factor={factor}")
    once, twice = (h5py.File(tmp_path / name / raw_file.name)["reconstruction"][()] for name in ("once", "twice"))
    assert once.any()
    assert twice == pytest.approx(2 * once)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--methods", "sense+tims"), "unknown stage 'tims' in 'sense+tims'; did you mean 'times'?"),
        (
            ("--methods", "sense,grappa+times", "--set", "tims.factor=1"),
            "of sense, grappa+times, times and a dot",
        ),
        (("--methods", "sense+times", "--set", "times.facto=1"), "did you mean 'times.factor'?"),
        (
            ("--methods", "sense+times", "--oracle", "sense+times"),
            "only methods without stages are tuned; give sense",
        ),
    ],
)
def test_wrong_names_are_told_in_a_sentence(
    run: Run, raw_file: Path, stage: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    result = run("compare", raw_file, "--plugin", stage, *options, "--output", tmp_path / "out", code=2)
    assert words in result.output


def test_only_a_method_alone_is_tuned(run: Run, raw_file: Path, stage: Path, tmp_path: Path) -> None:
    command = ("tune", raw_file, "--plugin", stage, "--methods", "sense+times", "--output", tmp_path / "tuned.yaml")
    assert "sense+times takes the settings of sense" in run(*command, code=2).output


def test_a_composed_method_takes_the_settings_that_were_found_for_the_method(tmp_path: Path, stage: Path) -> None:
    registry.load_plugin(stage)
    path = write_raw_file(tmp_path / "scan.h5")
    entry = TunedEntry(contrast="DISCS", acceleration=1, methods={"sense": {"lamda": 0.5}})
    tuned = TunedSettings(settings=[entry])
    adapted = tuned.adapt("sense+times", create("sense+times"), SampledVolume(open_volume(path)))
    assert adapted == create("sense+times", {"lamda": 0.5})
    assert tuned.keys("sense+times") == ["lamda"]


def test_the_calibration_of_a_network_is_not_that_of_its_image_behind_a_stage(
    stage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.load_plugin(stage)
    method = create("varnet+times")
    assert method.trained
    assert calibration_for("varnet+times", method) == UncertaintyCalibration()
    assert "the uncertainty of varnet+times is not calibrated" in capsys.readouterr().err
