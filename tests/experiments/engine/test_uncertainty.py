"""`--uncertainty`: the maps that the commands write, and the errors they report."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from helpers.raw_files import write_raw_file
from recon.contract import UncertaintyCalibration
from recon.data.open import open_volume
from recon.experiments.cli import app
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.registry import create

Run = Callable[..., Result]


@pytest.fixture
def run(raw_file: Path) -> Run:
    def invoke(command: str, *arguments: object, code: int = 0) -> Result:
        words = [command, raw_file, "--uncertainty", "--center-fraction", 0.2, *arguments]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

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
    assert summary["protocol"]["uncertainty"]["sense"] == {"spread": 1.0, "noise": 0.0, "noise_level": "ends"}
    before = (tmp_path / "out" / "reconstructions" / "3x-equispaced_fraction" / "sense" / "discs.h5").stat()
    run(*command, "--output", tmp_path / "out")
    after = (tmp_path / "out" / "reconstructions" / "3x-equispaced_fraction" / "sense" / "discs.h5").stat()
    assert after.st_mtime_ns == before.st_mtime_ns
