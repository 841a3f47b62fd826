from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from helpers.files.raw_files import write_raw_file
from helpers.learned.weights import TRAINED, write_weights
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.cli import app
from recon.experiments.engine.calibration.calibrate import calibrate
from recon.experiments.engine.calibration.scans import Simulation, measured_scans
from recon.experiments.engine.run import UNCERTAINTY, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.reliability import Reliability
from recon.models.checkpoints.card import card_path, read_card
from recon.quality.conformal import COVERAGES
from recon.registry import create

SAMPLING = Sampling(MaskKind.RANDOM, 3, 0.2)
CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "weights.safetensors", "modl")


def test_the_calibrated_uncertainty_is_as_large_as_the_errors(weights: Path, raw_file: Path) -> None:
    calibration = calibrate(weights, measured_scans([raw_file], [SAMPLING]), CPU)
    card = read_card(weights)
    assert card is not None
    assert card.uncertainty == calibration
    assert card.trained == TRAINED, "the rest of the card stays"

    volume = open_volume(raw_file)
    method = create("modl", {"checkpoint": str(weights)})
    result = Runner("modl", method, uncertainty=calibration).volume(SampledVolume(volume, SAMPLING))
    reliability = Reliability()
    reliability.add(volume.read_target(), result.images, result.maps[UNCERTAINTY])
    assert reliability.coverage == pytest.approx((0.683, 0.954), abs=0.06)


def test_calibration_changes_nothing_but_the_card(weights: Path, raw_file: Path) -> None:
    before = {path: path.read_bytes() for path in (raw_file, weights)}
    calibrate(weights, measured_scans([raw_file], [SAMPLING]), CPU)
    assert {path: path.read_bytes() for path in before} == before
    assert list(raw_file.parent.iterdir()) == [raw_file]
    assert {path.name for path in weights.parent.glob("*.*")} == {weights.name, card_path(weights).name}


def test_weights_without_a_card_get_one(weights: Path, raw_file: Path) -> None:
    card_path(weights).unlink()
    output = CliRunner().invoke(app, ["calibrate", str(weights), str(raw_file), "--masks", "random:3"])
    assert output.exit_code == 0, output.output
    card = read_card(weights)
    assert card is not None
    assert card.uncertainty is not None
    assert create("modl", {"checkpoint": str(weights)}).loaded.card == card


def test_scans_without_a_target_are_reported_and_left_out(
    weights: Path, raw_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    untargeted = write_raw_file(raw_file.with_name("untargeted.h5"), target=False)
    with pytest.raises(InputError, match="no scan could be used"):
        calibrate(weights, measured_scans([untargeted], [SAMPLING]), CPU)
    with pytest.raises(SystemExit, match="2"):
        calibrate(weights, measured_scans([raw_file.parent], [SAMPLING]), CPU)
    assert "untargeted.h5: to calibrate with, a scan must be fully sampled" in capsys.readouterr().err
    assert read_card(weights).uncertainty is not None


def test_half_of_the_scans_give_intervals_and_the_same_seed_the_same_scans(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.experiments.engine.calibration.scans.SIDES", (32, 40))
    monkeypatch.setattr("recon.experiments.engine.calibration.scans.HEADS", 1)
    scans = Simulation(slices=8, seed=3).scans()
    ((read,), (again,)) = (scans[0](), Simulation(slices=8, seed=3).scans()[0]())
    assert torch.equal(next(iter(read.acquisitions)).kspace, next(iter(again.acquisitions)).kspace)
    calibration = calibrate(weights, scans, CPU)
    assert calibration.scans == 4
    coverages = [coverage for coverage, _ in calibration.intervals]
    assert coverages == [coverage for coverage in COVERAGES if coverage <= 4 / 5]
    assert read_card(weights).uncertainty == calibration


def test_files_and_images_to_simulate_from_exclude_each_other(weights: Path, raw_file: Path) -> None:
    command = ["calibrate", str(weights), str(raw_file), "--anatomy", str(raw_file.parent)]
    output = CliRunner().invoke(app, command)
    assert output.exit_code == 2
    assert "not both" in output.output
