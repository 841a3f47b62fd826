"""`recon reconstruct --noise-map` writes maps of the noise beside the images."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
import torch
from typer.testing import Result

from helpers.programs.command import run as run_command
from recon.data.open import open_volume
from recon.quality.noise_map import g_factor_map, noise_map
from recon.registry import create

Run = Callable[..., Result]


@pytest.fixture
def run(raw_file: Path) -> Run:
    def invoke(*arguments: object, code: int = 0) -> Result:
        return run_command("reconstruct", raw_file, *arguments, code=code)

    return invoke


@pytest.mark.parametrize("method", ["zero-filled", "grappa"])
def test_every_format_but_dicom_holds_the_map_beside_the_image(
    run: Run, raw_file: Path, tmp_path: Path, method: str
) -> None:
    command = ("--method", method, "--noise-map", "--format", "h5,nifti,png", "-o", tmp_path)
    run(*command)
    with h5py.File(tmp_path / "discs.h5") as file:
        maps = file["noise"][()]
        assert maps.shape == file["reconstruction"].shape
        assert json.loads(file.attrs["protocol"])["noise_map"] == {"replicas": 32}
        assert "uncertainty" not in file
    np.testing.assert_array_equal(maps[1], noise_map(create(method), open_volume(raw_file).read(1)).numpy())
    nifti = nib.load(tmp_path / "discs_noise.nii.gz").get_fdata()
    np.testing.assert_array_equal(nifti.transpose(2, 0, 1), maps)
    assert len(list((tmp_path / "discs_noise_png").iterdir())) == 2
    assert "done before" in run(*command).output
    assert "2 slices in" in run(*[word for word in command if word != "--noise-map"]).output


def test_the_g_factor_is_the_noise_over_that_of_a_full_scan(run: Run, raw_file: Path, tmp_path: Path) -> None:
    for output, options in (("both.h5", ("--noise-map", "--g-factor")), ("g.h5", ("--g-factor",))):
        run("--method", "grappa", *options, "-o", tmp_path / output)
    with h5py.File(tmp_path / "both.h5") as both, h5py.File(tmp_path / "g.h5") as alone:
        assert "noise" not in alone
        np.testing.assert_array_equal(both["g_factor"], alone["g_factor"])
        noise = torch.from_numpy(both["noise"][1])
        np.testing.assert_array_equal(both["g_factor"][1], g_factor_map(noise, open_volume(raw_file).read(1)))
        assert json.loads(alone.attrs["protocol"])["g_factor"] == {"replicas": 32}


def test_maps_of_noise_and_uncertainty_go_together(run: Run, tmp_path: Path) -> None:
    run("--method", "zero-filled", "--acceleration", 2, "--uncertainty", "--noise-map", "-o", tmp_path / "image.nii")
    assert {path.name for path in tmp_path.glob("image*")} == {
        "image.nii",
        "image_uncertainty.nii",
        "image_noise.nii",
        "image.json",
    }


@pytest.mark.parametrize("option", ["--noise-map", "--g-factor", "--uncertainty"])
def test_dicom_is_refused_before_anything_is_reconstructed(run: Run, tmp_path: Path, option: str) -> None:
    result = run("--method", "sense", option, "--format", "h5,dicom", "-o", tmp_path / "out", code=2)
    assert f"a DICOM series holds images alone; give {option} another --format" in result.output
    assert not (tmp_path / "out").exists()
