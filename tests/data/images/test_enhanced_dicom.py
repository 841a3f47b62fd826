"""One DICOM file holds all images of a stack, each at its place and time, and nothing about the patient."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from helpers.scans.stacks import oblique_geometry, oblique_stack, where
from recon.data.errors import InputError
from recon.data.images.enhanced_dicom import write_enhanced_dicom
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import Stack
from recon.data.series import counted_frames

TIMES, PLACES = 3, 4


def cine() -> Stack:
    """Frames 40 ms apart at several places."""
    geometry = oblique_geometry(PLACES) * TIMES
    frames = counted_frames(1, TIMES, 1, PLACES)
    return oblique_stack(TIMES * PLACES, geometry=geometry, frames=frames, frame_interval=40.0)


STACKS = {
    "slices": oblique_stack(4),
    "one": oblique_stack(1),
    "unknown": oblique_stack(3, geometry=None),
    "black": oblique_stack(2, scale=0.0),
    "cine": cine(),
    "echoes": replace(
        oblique_stack(6, geometry=oblique_geometry(3) * 2, frames=counted_frames(1, 1, 2, 3)), echo_times=(3.0, 6.0)
    ),
    "volume": replace(oblique_stack(4), volumetric=True),
}


def written(folder: Path, scan: Stack) -> pydicom.FileDataset:
    write_enhanced_dicom(folder / "x.dcm", scan)
    return pydicom.dcmread(folder / "x.dcm")


@pytest.mark.parametrize("scan", STACKS.values(), ids=STACKS)
def test_the_standard_finds_no_error(tmp_path: Path, scan: Stack) -> None:
    checker = shutil.which("dciodvfy")
    if checker is None:
        pytest.skip("dciodvfy, of Debian's dicom3tools, is not installed")
    written(tmp_path, scan)
    done = subprocess.run([checker, str(tmp_path / "x.dcm")], capture_output=True, text=True, check=False)
    assert "EnhancedMRImage" in done.stdout + done.stderr
    assert "Error" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["slices", "cine"])
def test_dcm2niix_makes_the_nifti_that_we_write(tmp_path: Path, name: str) -> None:
    converter = shutil.which("dcm2niix")
    if converter is None:
        pytest.skip("dcm2niix is not installed")
    written(tmp_path, STACKS[name])
    subprocess.run([converter, "-f", "theirs", "-o", str(tmp_path), str(tmp_path)], check=True)
    ours = nib.as_closest_canonical(nib.load(write_nifti(tmp_path / "ours.nii", STACKS[name])[0]))
    theirs = nib.as_closest_canonical(nib.load(tmp_path / "theirs.nii"))
    np.testing.assert_allclose(theirs.affine, ours.affine, atol=1e-2)
    one, other = ours.get_fdata(), theirs.get_fdata()
    np.testing.assert_allclose(other / other.max(), one / one.max(), atol=1 / 4095)


def test_every_pixel_has_its_value_at_its_place(tmp_path: Path) -> None:
    scan = STACKS["slices"]
    file = written(tmp_path, scan)
    shared = file.SharedFunctionalGroupsSequence[0]
    spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    slope = float(shared.PixelValueTransformationSequence[0].RescaleSlope)
    for number, group in enumerate(file.PerFrameFunctionalGroupsSequence):
        corner = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        across, down = np.reshape(group.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)).astype(float)
        for row, column in [(0, 0), (47, 3), (20, 39)]:
            offset = where(scan.placements[number], row, column) - corner
            pixel = round(offset @ down / spacing[0]), round(offset @ across / spacing[1])
            assert abs(file.pixel_array[number][pixel] * slope - scan.images[number, row, column]) <= slope


def test_frames_are_sorted_by_place_and_time(tmp_path: Path) -> None:
    groups = written(tmp_path, cine()).PerFrameFunctionalGroupsSequence
    contents = [group.FrameContentSequence[0] for group in groups]
    assert [list(one.DimensionIndexValues) for one in contents] == [
        [1, place + 1, time + 1] for time in range(TIMES) for place in range(PLACES)
    ]
    offsets = [group.TemporalPositionSequence[0].TemporalPositionTimeOffset for group in groups]
    assert offsets == pytest.approx([0.04 * time for time in range(TIMES) for _ in range(PLACES)])


def test_echoes_are_stacks_of_their_own(tmp_path: Path) -> None:
    groups = written(tmp_path, STACKS["echoes"]).PerFrameFunctionalGroupsSequence
    assert [group.FrameContentSequence[0].StackID for group in groups] == ["1"] * 3 + ["2"] * 3
    assert [group.MREchoSequence[0].EffectiveEchoTime for group in groups] == [3.0] * 3 + [6.0] * 3


def test_nothing_names_the_patient_or_the_day(tmp_path: Path) -> None:
    scan = oblique_stack(2, contrast="Smith^John")
    file = written(tmp_path, scan)
    assert "Smith" not in str(file)
    assert not any(file[name].value for name in ("PatientName", "PatientID", "StudyDate", "StudyTime", "StudyID"))
    assert file.ContentDate == "19000101"
    assert file.PatientIdentityRemoved == "YES"
    assert file.ContentQualification == "RESEARCH"


def test_images_of_different_sizes_are_refused(tmp_path: Path) -> None:
    axial = oblique_stack(1)
    turned = replace(axial.placements[0], down=axial.placements[0].across, across=axial.placements[0].down)
    both = replace(axial, images=np.repeat(axial.images, 2, 0), placements=(axial.placements[0], turned), frames=None)
    with pytest.raises(InputError, match="name a folder, and --format dicom"):
        write_enhanced_dicom(tmp_path / "x.dcm", both)
