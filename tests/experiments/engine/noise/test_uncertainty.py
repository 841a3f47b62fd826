"""`--uncertainty`: the maps that the commands write, and the errors they report."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
from typer.testing import Result

from helpers.files.raw_files import write_raw_file
from helpers.learned.weights import write_weights
from helpers.programs.command import run as run_command
from recon.contract import UncertaintyCalibration
from recon.data.open import open_volume
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.registry import create

Run = Callable[..., Result]


@pytest.fixture
def run(raw_file: Path) -> Run:
    def invoke(command: str, *arguments: object, code: int = 0) -> Result:
        return run_command(command, raw_file, "--uncertainty", "--center-fraction", 0.2, *arguments, code=code)

    return invoke


def test_every_format_but_dicom_holds_the_map_beside_the_image(run: Run, tmp_path: Path) -> None:
    command = ("reconstruct", "--method", "sense", "--acceleration", 3, "--format", "h5,nifti,png")
    run(*command, "-o", tmp_path)
    with h5py.File(tmp_path / "discs.h5") as file:
        maps = file["uncertainty"][()]
        assert maps.shape == file["reconstruction"].shape
        assert maps.dtype == np.float32
    assert (maps > 0).all()
    nifti = nib.load(tmp_path / "discs_uncertainty.nii.gz").get_fdata()
    np.testing.assert_array_equal(nifti.transpose(2, 0, 1), maps)
    assert (tmp_path / "discs.nii.gz").is_file()
    assert len(list((tmp_path / "discs_uncertainty_png").iterdir())) == 2
    assert "done before" in run(*command, "-o", tmp_path).output
    (tmp_path / "discs_uncertainty.nii.gz").unlink()
    assert "2 slices in" in run(*command, "-o", tmp_path).output


def test_a_single_file_has_its_map_beside_it(run: Run, tmp_path: Path) -> None:
    run("reconstruct", "--method", "zero-filled", "--acceleration", 2, "-o", tmp_path / "image.nii.gz")
    assert {path.name for path in tmp_path.glob("image*")} == {
        "image.nii.gz",
        "image_uncertainty.nii.gz",
        "image.json",
    }


def test_dicom_is_refused_before_anything_is_done(run: Run, tmp_path: Path) -> None:
    result = run("reconstruct", "--method", "sense", "--format", "h5,dicom", "-o", tmp_path / "out", code=2)
    assert "a DICOM series holds images alone" in result.output
    assert not (tmp_path / "out").exists()


def test_a_method_that_needs_every_line_says_so(run: Run, tmp_path: Path) -> None:
    mask = ("--acceleration", 2, "--mask", "equispaced")
    result = run("reconstruct", "--method", "sense-unfold", *mask, "-o", tmp_path / "out", code=2)
    assert "without some of its samples" in result.output


def test_the_calibration_is_part_of_the_protocol(raw_file: Path, tmp_path: Path) -> None:
    protocols = [
        StoredResult(SampledVolume(open_volume(raw_file)), runner, tmp_path / "out.h5").protocol
        for calibration in (None, UncertaintyCalibration(), UncertaintyCalibration(2.0))
        for runner in [Runner("sense", create("sense"), uncertainty=calibration)]
    ]
    assert len(set(map(json.dumps, protocols))) == 3
    assert "uncertainty" not in protocols[0]


@pytest.fixture
def calibrated(tmp_path: Path) -> Path:
    uncertainty = {"spread": 2.0, "noise": 1.0, "intervals": ((0.8, 1.5), (0.9, 2.5)), "scans": 10}
    return write_weights(tmp_path / "weights.safetensors", uncertainty=uncertainty)


def test_intervals_are_a_multiple_of_the_standard_deviation(run: Run, tmp_path: Path, calibrated: Path) -> None:
    command = ("reconstruct", "--method", "varnet", "--checkpoint", calibrated, "--acceleration", 3)
    run(*command, "-o", tmp_path / "sigma.h5")
    run(*command, "--uncertainty", "conformal", "--coverage", 0.85, "-o", tmp_path / "interval.h5")
    with h5py.File(tmp_path / "sigma.h5") as sigma, h5py.File(tmp_path / "interval.h5") as interval:
        assert "uncertainty" not in interval
        np.testing.assert_allclose(interval["interval"][()], 2.5 * sigma["uncertainty"][()], rtol=1e-5)
    result = run(*command, "--uncertainty", "conformal", "--coverage", 0.95, "-o", tmp_path / "out", code=2)
    assert "the largest coverage is 0.9" in result.output


@pytest.mark.parametrize("words", [("--coverage", 0.9), ("--uncertainty", "conformal", "--coverage", 1.5)])
def test_a_coverage_that_makes_no_sense_is_refused(run: Run, tmp_path: Path, words: tuple[object, ...]) -> None:
    assert "--coverage" in run("reconstruct", "--method", "sense", *words, "-o", tmp_path, code=2).output


def test_intervals_of_a_method_without_calibration_are_refused(run: Run, tmp_path: Path) -> None:
    words = ("--uncertainty", "conformal", "-o", tmp_path)
    result = run("reconstruct", "--method", "sense", "--acceleration", 3, *words, code=2)
    assert "sense: conformal bounds need the errors of a calibration" in result.output


def test_a_file_after_the_plain_option_stays_a_file(raw_file: Path, tmp_path: Path) -> None:
    run_command("reconstruct", "--method", "zero-filled", "-o", tmp_path, "--uncertainty", raw_file)
    with h5py.File(tmp_path / "discs.h5") as file:
        assert "uncertainty" in file


@pytest.mark.slow
def test_a_comparison_measures_the_coverage_of_intervals(run: Run, tmp_path: Path, calibrated: Path) -> None:
    words = ("--uncertainty", "conformal", "--checkpoint", calibrated, "--accelerations", 3)
    result = run("compare", "--methods", "sense,varnet", *words, "--output", tmp_path / "out")
    assert "sense: conformal bounds need" in result.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (measured,) = summary["coverage"]
    assert (measured["method"], measured["stated"]) == ("varnet", [0.9])
    assert summary["protocol"]["coverage"] == 0.9
    assert "within the interval" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.slow
def test_a_comparison_shows_maps_and_checks_them(run: Run, raw_file: Path, tmp_path: Path) -> None:
    write_raw_file(raw_file.with_name("untargeted.h5"), target=False)
    command = ("compare", raw_file.with_name("untargeted.h5"), "--methods", "zero-filled,sense", "--accelerations", 3)
    run(*command, "--output", tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "uncertainty.png").is_file()
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('data-kind="uncertainty"') == 4
    assert 'class="plot" src="data:image/png;base64,' in page
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["protocol"]["uncertainty"]["sense"]["spread"] == 3.0
    assert [one["method"] for one in summary["coverage"]] == ["zero-filled", "sense"]
    assert all(0 < one["reached"][0] < one["reached"][1] <= 1 for one in summary["coverage"])
    assert "within 1 SD" in page
    before = (tmp_path / "out" / "reconstructions" / "3x-equispaced_fraction" / "sense" / "discs.h5").stat()
    run(*command, "--output", tmp_path / "out")
    after = (tmp_path / "out" / "reconstructions" / "3x-equispaced_fraction" / "sense" / "discs.h5").stat()
    assert after.st_mtime_ns == before.st_mtime_ns
