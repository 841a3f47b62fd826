"""`recon denoise` changes the pixels of images and says so; where they lie, and what they show, stays."""

from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from pydicom.data import get_testdata_file
from typer.testing import Result

from helpers.scans.objects import discs
from recon.data.formats.fastmri.layout import write_reconstruction
from recon.quality.interpolation import resample

Run = Callable[..., Result]

TRUTH = (1000 * discs(64, 60)).numpy()


@pytest.fixture
def run(run_command: Run) -> Run:
    return run_command


def noisy(count: int, deviation: float = 60.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(count, 64, 60, 2)) * deviation
    return np.abs(TRUTH + noise[..., 0] + 1j * noise[..., 1]).astype(np.float32)


def error(image: np.ndarray) -> float:
    inside = TRUTH > 300
    return float(np.linalg.norm((image - TRUTH)[..., inside]))


def dicom(path: Path, image: np.ndarray, **more: object) -> Path:
    """Put an image into a scanner's file."""
    file = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    file.Rows, file.Columns = image.shape
    file.PixelData = np.rint(image).astype("<i2").tobytes()
    for name, value in more.items():
        setattr(file, name, value)
    file.save_as(path)
    return path


def test_a_nifti_keeps_its_geometry(run: Run, tmp_path: Path) -> None:
    affine = np.array([[0, -0.9, 0.1, 5], [0.8, 0, 0, 7], [0, 0.2, 3, -9], [0, 0, 0, 1.0]])
    image = nib.Nifti1Image(noisy(3).transpose(1, 2, 0), affine)
    image.header.set_dim_info(0, 1, 2)
    nib.save(image, tmp_path / "scan.nii.gz")
    run("denoise", tmp_path / "scan.nii.gz", "--output", tmp_path / "out")
    denoised = nib.load(tmp_path / "out" / "scan.nii.gz")
    assert np.allclose(denoised.affine, affine)
    assert denoised.header.get_dim_info() == (0, 1, 2)
    assert b"not for diagnostic use" in bytes(denoised.header["descrip"])
    assert error(denoised.get_fdata().transpose(2, 0, 1)) < 0.7 * error(noisy(3))


def test_a_dicom_series_keeps_its_headers_and_is_marked_as_derived(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    sources = [dicom(tmp_path / "in" / f"{n}.dcm", one, InstanceNumber=n) for n, one in enumerate(noisy(2))]
    run("denoise", tmp_path / "in", "--method", "gain", "--strength", 0.9, "--output", tmp_path / "out")
    series = set()
    for number, source in enumerate(sources):
        old, new = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "out" / source.name)
        kept = ("PatientName", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime")
        assert all(old[name].value == new[name].value for name in (*kept, "InstanceNumber", "StudyInstanceUID"))
        assert new.ImageType[0] == "DERIVED"
        assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID != old.SOPInstanceUID
        assert new.SourceImageSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID
        assert new.SeriesDescription.endswith("gain strength 0.9, not for diagnostic use")
        assert len(new.SeriesDescription) <= 64
        assert error(new.pixel_array) < 0.7 * error(noisy(2)[number])
        series.add(new.SeriesInstanceUID)
        assert new.SeriesInstanceUID != old.SeriesInstanceUID
    assert len(series) == 1


def test_a_reconstruction_keeps_its_attributes(run: Run, tmp_path: Path) -> None:
    write_reconstruction(tmp_path / "scan.h5", noisy(2), acquisition="AXT2", protocol="{}", sha256="0", seconds=1.0)
    run("denoise", tmp_path / "scan.h5", "--output", tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert error(file["reconstruction"][()]) < 0.7 * error(noisy(2))
        assert file.attrs["acquisition"] == "AXT2"
        assert file.attrs["use"] == "not for diagnostic use"
        assert not {"protocol", "sha256"} & set(file.attrs)


def test_an_interpolated_image_is_denoised_like_the_one_that_was_measured(run: Run, tmp_path: Path) -> None:
    measured = torch.from_numpy(noisy(1)[0])
    large = resample(measured, (128, 120)).clamp(min=0)
    by_tag = dicom(tmp_path / "tag.dcm", large.numpy(), AcquisitionMatrix=[64, 0, 0, 60])
    write_reconstruction(tmp_path / "spectrum.h5", large.numpy()[None])
    run("denoise", by_tag, tmp_path / "spectrum.h5", "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "spectrum.h5") as file:
        found = [pydicom.dcmread(tmp_path / "out" / "tag.dcm").pixel_array, file["reconstruction"][0]]
    for image in found:
        small = resample(torch.from_numpy(image.astype(np.float32)), (64, 60))
        assert error(small.numpy()) < 0.7 * error(measured.numpy())


def test_no_strength_changes_nothing(run: Run, tmp_path: Path) -> None:
    write_reconstruction(tmp_path / "scan.h5", noisy(1))
    run("denoise", tmp_path / "scan.h5", "--strength", 0, "--output", tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert np.array_equal(file["reconstruction"][()], noisy(1))


def test_wrong_input_is_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    scan = tmp_path / "scan.h5"
    write_reconstruction(scan, noisy(1))
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.nii").write_bytes(b"0" * 400)
    (tmp_path / "text.txt").write_text("text")
    nib.save(nib.Nifti1Image(noisy(1).astype(np.complex64), np.eye(4)), tmp_path / "complex.nii")
    lines = {
        (scan, "--method", "gian"): "unknown stage 'gian'; did you mean 'gain'?",
        (scan, "--strength", 3): "stage gain, setting strength",
        (tmp_path / "none.nii",): "there is no such file",
        (tmp_path / "empty",): "holds no DICOM, NIfTI or HDF5 file",
        (tmp_path / "bad.nii",): "is not a NIfTI file that can be read",
        (tmp_path / "text.txt",): "is neither DICOM, NIfTI nor HDF5",
        (tmp_path / "complex.nii",): "not magnitude images",
    }
    for command, words in lines.items():
        assert words in run("denoise", *command, "--output", tmp_path / "out", code=2).output
    assert "is an input of this run" in run("denoise", scan, "--output", tmp_path, "--overwrite", code=2).output
    run("denoise", scan, "--output", tmp_path / "out")
    assert "exists already" in run("denoise", scan, "--output", tmp_path / "out", code=2).output
