"""Checks that DICOM files conform, give every pixel its position and value, and hold nothing about the patient."""

import itertools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from helpers.scans.stacks import oblique_geometry, oblique_stack, where
from recon.data.images.dicom import write_dicom
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import Stack
from recon.data.series import Frame

OF_THE_IMAGE = {
    *("SpecificCharacterSet", "SOPClassUID", "Modality", "ImageType", "Manufacturer", "SoftwareVersions"),
    *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "MagneticFieldStrength"),
    *("RepetitionTime", "EchoTime", "EchoTrainLength", "InPlanePhaseEncodingDirection", "SliceThickness"),
    *("PatientPosition", "Laterality", "PositionReferenceIndicator", "SeriesNumber", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "PixelData"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "RescaleType"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("LongitudinalTemporalInformationModified", "BurnedInAnnotation", "SpacingBetweenSlices", "AcquisitionNumber"),
    *("EchoNumbers", "TemporalPositionIdentifier", "NumberOfTemporalPositions"),
}
"""Attributes that table E.1-1 of PS3.15 does not list."""

TO_BE_EMPTY = {
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName"),
}
TO_BE_NEW = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
TO_BE_CLEAN = {"SeriesDescription", "DerivationDescription", "ImageComments"}
"""Attributes that the table removes or, with the option for descriptors, keeps if they are clean."""


def written(folder: Path, scan: Stack) -> list[pydicom.FileDataset]:
    paths = [folder / f"{number}.dcm" for number in range(len(scan.images))]
    write_dicom(paths, scan)
    return [pydicom.dcmread(path) for path in paths]


@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_has_its_value_at_its_place(tmp_path: Path, seed: int) -> None:
    scan = oblique_stack(2, seed)
    for number, dicom in enumerate(written(tmp_path, scan)):
        values = dicom.pixel_array * float(dicom.RescaleSlope) + float(dicom.RescaleIntercept)
        across, down = np.reshape(dicom.ImageOrientationPatient, (2, 3)).astype(float)
        for row, column in [(0, 0), (47, 3), (20, 39)]:
            offset = where(scan.placements[number], row, column) - np.array(dicom.ImagePositionPatient, float)
            pixel = round(offset @ down / dicom.PixelSpacing[0]), round(offset @ across / dicom.PixelSpacing[1])
            position = np.array(dicom.ImagePositionPatient, float) + (
                pixel[0] * down * dicom.PixelSpacing[0] + pixel[1] * across * dicom.PixelSpacing[1]
            )
            np.testing.assert_allclose(position, where(scan.placements[number], row, column), atol=1e-3)
            assert abs(values[pixel] - scan.images[number, row, column]) <= float(dicom.RescaleSlope) / 2 + 1e-3


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_scale_of_the_raw_data_does_not_matter(tmp_path: Path, scale: float) -> None:
    one, other = (
        written(tmp_path / "one", oblique_stack(2)),
        written(tmp_path / "other", oblique_stack(2, scale=scale)),
    )
    for left, right in zip(one, other, strict=True):
        assert np.abs(left.pixel_array.astype(int) - right.pixel_array).max() <= 1
        assert float(left.WindowWidth) == pytest.approx(float(right.WindowWidth), rel=1e-3)


def many_frames(slices: int = 3, **frames: Sequence[int]) -> Stack:
    """Make images of every combination of the counters at each slice, the slice varying fastest."""
    combinations = [dict(zip(frames, values, strict=True)) for values in itertools.product(*frames.values())]
    scan = oblique_stack(slices * len(combinations))
    return replace(
        scan,
        placements=scan.placements[:slices] * len(combinations),
        frames=tuple(Frame(**counters) for counters in combinations for _ in range(slices)),
        echo_times=(4.9, 7.4),
    )


FRAMES = [{"contrast": [0, 1]}, {"repetition": [0, 2, 5]}, {"phase": [0, 1]}, {"set": [0, 1]}]
FRAMES += [{"set": [0, 1], "contrast": [0, 1], "repetition": [0, 1], "phase": [0, 1]}]


@pytest.mark.parametrize("frames", FRAMES)
def test_images_at_one_place_are_told_apart(tmp_path: Path, frames: dict[str, list[int]]) -> None:
    scan = many_frames(**frames)
    files = written(tmp_path, scan)
    keys = ("EchoNumbers", "TemporalPositionIdentifier", "AcquisitionNumber", "SeriesInstanceUID")
    found = {
        (*map(str, dicom.ImagePositionPatient), *(str(dicom.get(key)) for key in keys), str(dicom.EchoTime))
        for dicom in files
    }
    assert len(found) == len(files)
    for dicom, frame in zip(files, scan.frames or (), strict=True):
        assert float(dicom.EchoTime) == scan.echo_times[frame.contrast]
        assert dicom.get("EchoNumbers", 1) == frame.contrast + 1
    assert len({dicom.SeriesInstanceUID for dicom in files}) == len(frames.get("set", [0]))
    assert len({dicom.StudyInstanceUID for dicom in files}) == 1


def test_images_at_one_place_without_counters_are_temporal_positions(tmp_path: Path) -> None:
    files = written(tmp_path, replace(many_frames(contrast=[0, 1]), frames=None, echo_times=()))
    assert [dicom.TemporalPositionIdentifier for dicom in files] == [1, 1, 1, 2, 2, 2]
    assert {dicom.NumberOfTemporalPositions for dicom in files} == {2}


@pytest.mark.parametrize(("gap", "slices"), [(5.0, 3), (4.0, 2), (6.5, 5)])
def test_the_distance_between_slices_is_not_their_thickness(tmp_path: Path, gap: float, slices: int) -> None:
    for dicom in written(tmp_path, oblique_stack(slices, geometry=oblique_geometry(slices, gap=gap))):
        assert float(dicom.SpacingBetweenSlices) == pytest.approx(gap)
        assert float(dicom.SliceThickness) == 4


def test_the_distance_between_slices_is_left_out_where_there_is_none(tmp_path: Path) -> None:
    assert "SpacingBetweenSlices" not in written(tmp_path, oblique_stack(1))[0]
    uneven = [oblique_geometry(5)[number] for number in (0, 1, 3)]
    assert "SpacingBetweenSlices" not in written(tmp_path, oblique_stack(3, geometry=tuple(uneven)))[0]


@pytest.mark.parametrize("frames", [{"contrast": [0, 1]}, {"repetition": [0, 1, 2]}])
def test_dcm2niix_makes_the_nifti_that_we_write(tmp_path: Path, frames: dict[str, list[int]]) -> None:
    converter = shutil.which("dcm2niix")
    if converter is None:
        pytest.skip("dcm2niix is not installed")
    scan = many_frames(**frames)
    written(tmp_path / "dicom", scan)
    subprocess.run([converter, "-f", "x", "-o", str(tmp_path), str(tmp_path / "dicom")], check=True)
    (ours,) = (nib.load(path) for path in write_nifti(tmp_path / "ours.nii", scan))
    theirs = [nib.load(path) for path in sorted(tmp_path.glob("x*.nii"))]
    assert len(theirs) == len(frames.get("contrast", [0]))
    values = np.concatenate([_by_place(image) for image in theirs], axis=1)
    expected = _by_place(ours)
    np.testing.assert_allclose(values / values.max(), expected / expected.max(), atol=1 / 4095)


def _by_place(image: nib.Nifti1Image) -> np.ndarray:
    """Return the values of every voxel, those of one time in a column, sorted by the position of the voxel."""
    voxels = np.indices(image.shape[:3]).reshape(3, -1)
    places = np.round(image.affine[:3, :3] @ voxels + image.affine[:3, 3:]).T
    return image.get_fdata().reshape(voxels.shape[1], -1)[np.lexsort(places.T)]


@pytest.mark.parametrize("geometry", ["known", "unknown", "frames"])
@pytest.mark.parametrize("scale", [0.0, 1e-6])
def test_the_standard_finds_no_error(tmp_path: Path, geometry: str, scale: float) -> None:
    checker = shutil.which("dciodvfy")
    if checker is None:
        pytest.skip("dciodvfy, of Debian's dicom3tools, is not installed")
    if geometry == "frames":
        written(tmp_path, many_frames(**FRAMES[-1]))
    else:
        written(tmp_path, oblique_stack(2, scale=scale, **({} if geometry == "known" else {"geometry": None})))
    for path in sorted(tmp_path.iterdir()):
        done = subprocess.run([checker, str(path)], capture_output=True, text=True, check=False)
        assert "MRImage" in done.stdout + done.stderr
        assert "Error" not in done.stdout + done.stderr


@pytest.mark.parametrize("geometry", ["known", "unknown"])
def test_every_attribute_is_treated_as_the_basic_profile_requires(tmp_path: Path, geometry: str) -> None:
    scan = oblique_stack(1, contrast="Smith^John", **({} if geometry == "known" else {"geometry": None}))
    (one,), (other,) = written(tmp_path / "one", scan), written(tmp_path / "other", scan)
    assert "Smith" not in str(one)
    assert {element.keyword for element in one} <= OF_THE_IMAGE | TO_BE_EMPTY | TO_BE_NEW | TO_BE_CLEAN
    assert not any(one[name].value for name in TO_BE_EMPTY)
    assert all(one[name].value.startswith("2.25.") and one[name] != other[name] for name in TO_BE_NEW)
    assert [code.CodeValue for code in one.DeidentificationMethodCodeSequence] == ["113100", "113105"]
    assert one.PatientIdentityRemoved == "YES"


def test_images_are_marked_as_derived_and_not_for_diagnosis(tmp_path: Path) -> None:
    dicom = written(tmp_path, oblique_stack(1))[0]
    assert dicom.ImageType[0] == "DERIVED"
    assert dicom.SeriesDescription == "sense, not for diagnostic use"


def test_one_run_is_one_series_and_another_run_another(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one", oblique_stack(3)), written(tmp_path / "other", oblique_stack(3))
    assert len({dicom.SeriesInstanceUID for dicom in one}) == 1
    assert len({dicom.SOPInstanceUID for dicom in one + other}) == 6
    assert one[0].SeriesInstanceUID != other[0].SeriesInstanceUID
    assert [dicom.InstanceNumber for dicom in one] == [1, 2, 3]


def test_a_made_up_orientation_is_marked_as_such(tmp_path: Path) -> None:
    assert "made up" in written(tmp_path, oblique_stack(1, geometry=None))[0].ImageComments
