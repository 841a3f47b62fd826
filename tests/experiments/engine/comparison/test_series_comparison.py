"""`recon compare` and `recon reconstruct` take series through the whole command line."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from typer.testing import Result

from recon.simulation.cine.files import simulate_cines
from recon.simulation.cine.simulator import CinePlan, CineSimulator

PLAN = CinePlan(matrix=(64, 56), frames=4, coils=4, snr=100.0, slices=2)


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hearts")
    simulate_cines(folder, CineSimulator(varied=False), PLAN, 1, 0)
    return folder


@pytest.mark.parametrize("mask", ["kt-equispaced", "kt-random"])
def test_a_comparison_scores_frames_and_shows_them_in_motion(
    run_command: Callable[..., Result], hearts: Path, tmp_path: Path, mask: str
) -> None:
    options = ("--methods", "zero-filled,sense", "--accelerations", 2, "--mask", mask, "--output", tmp_path)
    output = run_command("compare", hearts, *options).output
    assert "frames" in output
    rows = json.loads((tmp_path / "summary.json").read_text())["series"]
    assert [(row["method"], row["series"]) for row in rows] == [
        (method, series) for method in ("zero-filled", "sense") for series in (0, 1)
    ]
    for row in rows:
        assert len(row["psnr"]) == len(row["ssim"]) == PLAN.frames
        assert row["psnr_worst"] == min(row["psnr"])
    assert rows[2]["psnr_mean"] > rows[0]["psnr_mean"] + 3
    page = (tmp_path / "report.html").read_text()
    assert "data:image/webp" in page
    assert "x-t profile" in page
    assert "slice 0, frame 2" in page
    assert f"mask {mask}" in page


def test_a_single_slice_gets_the_mask_of_the_first_frame(
    run_command: Callable[..., Result], raw_file: Path, tmp_path: Path
) -> None:
    options = ("--methods", "zero-filled", "--accelerations", 2, "--mask", "kt-equispaced", "--output", tmp_path)
    run_command("compare", raw_file, *options)
    assert "series" not in json.loads((tmp_path / "summary.json").read_text())


def test_reconstructions_of_a_series_have_an_axis_of_time(
    run_command: Callable[..., Result], hearts: Path, tmp_path: Path
) -> None:
    options = ("--method", "sense", "--mask", "kt-random", "--acceleration", 2, "--format", "nifti,dicom,png")
    run_command("reconstruct", hearts, *options, "--output", tmp_path)
    image = nib.load(tmp_path / "cine_0000.nii.gz")
    assert image.shape == (64, 56, 2, 4)
    assert image.header.get_zooms()[2] == pytest.approx(8.0)
    assert 150 < image.header.get_zooms()[3] < 280
    files = [pydicom.dcmread(path) for path in sorted((tmp_path / "cine_0000_dicom").glob("*.dcm"))]
    assert [one.TemporalPositionIdentifier for one in files] == [1, 1, 2, 2, 3, 3, 4, 4]
    first = files[0].pixel_array * float(files[0].RescaleSlope)
    volume = image.get_fdata()[:, :, 0, 0]
    assert np.corrcoef(first.ravel(), volume.ravel())[0, 1] > 0.999
    assert len(list((tmp_path / "cine_0000_png").glob("*.png"))) == 8
