from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.files.raw_files import write_raw_file
from helpers.learned.weights import write_weights
from helpers.scans.objects import object_acquisition
from recon.contract import UncertaintyCalibration
from recon.data.errors import InputError
from recon.experiments.cli import app
from recon.experiments.engine.method_warnings import RangeWarnings, calibration_for
from recon.experiments.report.scores.files import read_csv
from recon.registry import create


def test_each_reason_is_a_warning_once_for_each_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method = create("varnet", {"checkpoint": str(write_weights(tmp_path / "weights.safetensors"))})
    warnings, scan = RangeWarnings(), object_acquisition(coils=1)
    assert len(warnings.check("varnet", method, lambda: scan)) == 2
    assert not warnings.check("varnet", method, lambda: scan)
    assert len(warnings.sentences) == 2
    assert capsys.readouterr().err.count("discs.h5: outside the training range of varnet: ") == 2


def test_methods_without_weights_and_weights_without_a_card_give_no_warnings(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "weights.safetensors")
    path.with_suffix(".json").unlink()
    method = create("varnet", {"checkpoint": str(path)})
    assert not RangeWarnings().check("varnet", method, lambda: object_acquisition(coils=1))
    assert not RangeWarnings().check("sense", create("sense"), lambda: pytest.fail("was read"))


def test_commands_warn_and_reconstruct_all_the_same(tmp_path: Path) -> None:
    single = write_raw_file(tmp_path / "raw" / "single.h5", coils=1)
    weights = write_weights(tmp_path / "weights.safetensors")
    words = "single.h5: outside the training range of varnet: 1 coil, trained on 2 to 32"
    common = [str(single), "--checkpoint", str(weights), "--center-fraction", "0.2"]
    reconstructed = ["reconstruct", *common, "--acceleration", "3", "--output", str(tmp_path / "images")]
    compared = ["compare", *common, "--methods", "zero-filled,varnet", "--accelerations", "2,3"]
    for command in (reconstructed, [*compared, "--output", str(tmp_path / "compared")]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        assert result.stderr.count(words) == 1
    assert len(read_csv(tmp_path / "compared" / "metrics.csv")) == 4
    assert words in (tmp_path / "compared" / "report.html").read_text()


def test_the_card_s_calibration_is_used_and_a_missing_one_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def calibration(path: Path) -> UncertaintyCalibration:
        return calibration_for("varnet", create("varnet", {"checkpoint": str(path)}))

    calibrated = write_weights(tmp_path / "calibrated.safetensors", uncertainty={"spread": 2.0, "noise": 0.5})
    assert calibration(calibrated) == UncertaintyCalibration(2.0, noise=0.5)
    assert not capsys.readouterr().err
    assert calibration(write_weights(tmp_path / "other.safetensors")) == UncertaintyCalibration()
    assert "varnet is not calibrated" in capsys.readouterr().err
    assert calibration_for("sense", create("sense")) == UncertaintyCalibration()
    assert "recon calibrate" not in capsys.readouterr().err


def test_intervals_need_a_calibration_that_holds_them(tmp_path: Path) -> None:
    def calibration(coverage: float, **uncertainty: object) -> UncertaintyCalibration:
        path = write_weights(tmp_path / "weights.safetensors", uncertainty=uncertainty or None)
        return calibration_for("varnet", create("varnet", {"checkpoint": str(path)}), coverage)

    intervals = {"intervals": ((0.8, 1.5), (0.9, 2.5)), "scans": 10}
    assert calibration(0.85, **intervals).factor(0.85) == 2.5
    with pytest.raises(InputError, match=r"more calibration scans than the 10 .* largest coverage is 0\.9"):
        calibration(0.95, **intervals)
    with pytest.raises(InputError, match="holds no intervals; `recon calibrate` makes them"):
        calibration(0.9, spread=2.0)
    with pytest.raises(InputError, match="varnet: conformal bounds need .* `recon calibrate` calibrates it"):
        calibration(0.9)
    with pytest.raises(InputError, match="sense: conformal bounds need the errors of a calibration"):
        calibration_for("sense", create("sense"), 0.9)
