"""Checks the field of view of images: fastMRI's in HDF5 and scores, the patient's in the other formats."""

import csv
from pathlib import Path
from typing import Any

import h5py
import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from fastmri.data.transforms import center_crop
from PIL import Image
from typer.testing import CliRunner

from helpers.scans.objects import object_acquisition
from helpers.scans.stacks import oblique_geometry
from recon.coils import rss
from recon.data.acquisition import Header
from recon.data.formats.fastmri.layout import write_volume
from recon.data.open import open_volume
from recon.experiments.cli import app
from recon.fourier import fft, ifft


def run(*words: object) -> str:
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def write_narrow(path: Path, header: Header, target: tuple[int, int] | None, lines: int = 32) -> Path:
    """Write two slices of 96 samples and fewer lines than the image, as fastMRI's file FLAIR_203."""
    full = object_acquisition(4, 96, lines, noise=1e-3)
    kspace = torch.stack([full.kspace, 2 * full.kspace])
    images = None if target is None else center_crop(rss(ifft(kspace)), target).numpy()
    write_volume(path, kspace.numpy(), header, images, None if target else np.arange(lines) % 2 == 0)
    return path


@pytest.mark.parametrize(("lines", "size"), [(32, 32), (33, 33)])
@pytest.mark.parametrize("fields", [{}, {"field_of_view": (220.0,) * 2, "encoded_field_of_view": (440.0, 220.0)}])
def test_targets_of_another_size_than_the_crop_are_compared(
    tmp_path: Path, lines: int, size: int, fields: dict[str, Any]
) -> None:
    header = Header(crop=(48, 48), padding=(0, lines), **fields)
    scan = write_narrow(tmp_path / "scan.h5", header, (size, size), lines)
    words = ("--methods", "zero-filled", "--accelerations", 2, "--uncertainty", "--output", tmp_path / "out")
    run("compare", scan, *words)
    with (tmp_path / "out" / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["ssim"]) > 0.5
    assert (tmp_path / "out" / "report.html").is_file()
    with h5py.File(next(tmp_path.glob("out/reconstructions/*/*/scan.h5"))) as file:
        assert file["reconstruction"].shape == file["uncertainty"].shape == (2, size, size)
    run("compare", scan, *words)  # from what was stored
    run("reconstruct", scan, "--method", "zero-filled", "--output", tmp_path / "full.h5")
    with h5py.File(tmp_path / "full.h5") as file:
        np.testing.assert_allclose(file["reconstruction"], open_volume(scan).read_target(), rtol=1e-4)


def test_without_a_target_the_crop_is_that_of_fastmris_inference(tmp_path: Path) -> None:
    header = Header((48, 48), (0, 32), field_of_view=(220.0, 220.0), encoded_field_of_view=(440.0, 220.0))
    scan = write_narrow(tmp_path / "scan.h5", header, None)
    for formats in ("h5", "h5,nifti", "nifti"):
        run("reconstruct", scan, "--method", "zero-filled", "--format", formats, "--output", tmp_path / formats)
    run("reconstruct", scan, "--method", "zero-filled", "--format", "nifti", "--output", tmp_path / "h5")
    for folder in ("h5", "h5,nifti"):
        with h5py.File(tmp_path / folder / "scan.h5") as file:
            assert file["reconstruction"].shape == (2, 32, 32)
    for folder in ("h5", "h5,nifti", "nifti"):
        assert nib.load(tmp_path / folder / "scan.nii.gz").shape == (48, 48, 2)


@pytest.mark.parametrize("crop", [31, 32])
def test_scores_against_fastmris_targets_have_its_rounding(tmp_path: Path, crop: int) -> None:
    full = object_acquisition(4, 64, 40, noise=1e-3)
    target = center_crop(rss(ifft(full.kspace[None])), (crop, 40)).numpy()
    write_volume(tmp_path / "scan.h5", full.kspace[None].numpy(), Header((crop, 40), (0, 40)), target)
    words = ("--format", "h5", "--method", "zero-filled")
    run("reconstruct", tmp_path / "scan.h5", *words, "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "scan.h5") as file:
        np.testing.assert_allclose(file["reconstruction"], target, rtol=1e-4)


CASES = {
    "interpolated": ((128, 64), (128, 128), (320.0, 160.0)),
    "phase oversampling": ((128, 96), (128, 128), (320.0, 240.0)),
    "odd": ((126, 65), (127, 127), (320.0, 163.0)),
    "plain": ((128, 64), (64, 64), (320.0, 160.0)),
}


@pytest.mark.parametrize("ending", [".h5", ".mrd", ".npz"])
@pytest.mark.parametrize("case", CASES)
def test_nifti_dicom_and_png_agree_in_size_place_and_orientation(tmp_path: Path, case: str, ending: str) -> None:
    matrix, crop, encoded = CASES[case]
    header = Header(
        crop=crop,
        padding=(0, matrix[1]),
        field_of_view=(160.0, 160.0),
        encoded_field_of_view=encoded,
        geometry=tuple(
            type(one)(one.position, one.read_dir, one.phase_dir, one.slice_dir, (160.0, 160.0, 4.0))
            for one in oblique_geometry(2)
        ),
    )
    where = np.array([22.0, -31.0])  # mm along readout and phase
    axes = (
        (np.arange(n) - n // 2) * extent / n - point for n, extent, point in zip(matrix, encoded, where, strict=True)
    )
    blob = torch.from_numpy(np.exp(-np.add.outer(*(axis**2 for axis in axes)) / 2 / 6**2)).to(torch.complex64)
    kspace = fft(torch.stack([blob, blob])[:, None])
    write_volume(tmp_path / "scan.h5", kspace.numpy(), header)
    if ending != ".h5":
        run("convert", tmp_path / "scan.h5", tmp_path / f"scan{ending}")
    out = tmp_path / "out"
    words = ("--method", "zero-filled", "--format", "nifti,dicom,png", "--output", out)
    run("reconstruct", tmp_path / f"scan{ending}", *words)
    first = header.geometry[0]
    place = np.array(first.position) + where[0] * np.array(first.read_dir) + where[1] * np.array(first.phase_dir)
    image = nib.load(out / "scan.nii.gz")
    assert image.shape == (*crop, 2)
    np.testing.assert_allclose(image.header.get_zooms()[:2], 160 / np.array(crop), rtol=1e-5)
    assert_blob(np.asarray(image.dataobj)[..., 0], image.affine @ _columns(image.shape[:2], flip=False), place, -1)
    dicom = pydicom.dcmread(out / "scan_dicom" / "0001.dcm")
    assert sorted(dicom.pixel_array.shape) == sorted(crop)
    np.testing.assert_allclose(sorted(dicom.PixelSpacing), sorted(160 / np.array(crop)), rtol=1e-5)
    across, down = np.reshape(dicom.ImageOrientationPatient, (2, 3)).astype(float)
    affine = np.eye(4)
    affine[:3] = np.stack(
        [down * dicom.PixelSpacing[0], across * dicom.PixelSpacing[1], across * 0, dicom.ImagePositionPatient], axis=1
    )
    assert_blob(dicom.pixel_array, affine @ _columns(dicom.pixel_array.shape, flip=False), place, 1)
    png = np.asarray(Image.open(out / "scan_png" / "0001.png"))
    assert png.shape == dicom.pixel_array.shape
    assert np.corrcoef(png.ravel(), dicom.pixel_array.ravel())[0, 1] > 0.99


def _columns(shape: tuple[int, int], flip: bool) -> np.ndarray:
    rows, columns = np.indices(shape).reshape(2, -1)
    return np.stack([rows, columns, np.zeros_like(rows), np.ones_like(rows)]).astype(float)


def assert_blob(image: np.ndarray, positions: np.ndarray, place: np.ndarray, sign: int) -> None:
    """Check the centre of mass, in mm; `sign` turns NIfTI's directions to DICOM's."""
    weights = image.ravel().astype(float) ** 2
    found = positions[:3] @ weights / weights.sum() * np.array([sign, sign, 1])
    np.testing.assert_allclose(found, place, atol=0.3)
