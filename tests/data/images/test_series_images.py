"""Images of a series keep their place in time in NIfTI and DICOM."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from recon.data.acquisition import Header
from recon.data.images.dicom import write_dicom
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import Stack, stack
from recon.data.series import Frame, counted_frames

FRAMES, SLICES, ROWS, COLUMNS = 5, 3, 12, 10
HEADER = Header(
    crop=(ROWS, COLUMNS),
    padding=(0, COLUMNS),
    field_of_view=(24.0, 20.0),
    frames=counted_frames(1, FRAMES, 1, SLICES),
    slice_thickness=8.0,
    frame_interval=42.5,
)


def series(header: Header = HEADER) -> Stack:
    """Make images without a known geometry whose value is ten times the frame plus the slice."""
    value = [10 * frame + place for frame in range(FRAMES) for place in range(SLICES)]
    images = np.broadcast_to(np.array(value, np.float32)[:, None, None], (len(value), ROWS, COLUMNS))
    return stack(images, header, (ROWS, COLUMNS))


def test_nifti_has_time_as_its_fourth_axis(tmp_path: Path) -> None:
    write_nifti(tmp_path / "cine.nii.gz", series())
    image = nib.load(tmp_path / "cine.nii.gz")
    assert image.shape == (ROWS, COLUMNS, SLICES, FRAMES)
    assert image.header.get_zooms() == pytest.approx((2.0, 2.0, 8.0, 42.5))
    assert image.header.get_xyzt_units() == ("mm", "msec")
    values = image.get_fdata()[0, 0]
    np.testing.assert_array_equal(values, np.arange(SLICES)[:, None] + 10 * np.arange(FRAMES))


def test_frames_of_nifti_are_in_the_order_of_time_and_of_unknown_duration(tmp_path: Path) -> None:
    backwards = tuple(Frame(phase=FRAMES - 1 - index // SLICES) for index in range(FRAMES * SLICES))
    write_nifti(tmp_path / "cine.nii", series(replace(HEADER, frames=backwards, frame_interval=None)))
    image = nib.load(tmp_path / "cine.nii")
    np.testing.assert_array_equal(image.get_fdata()[0, 0, 0], 10 * np.arange(FRAMES)[::-1])
    assert image.header.get_xyzt_units() == ("mm", "unknown")


def test_dicom_numbers_the_frames_of_every_slice_and_says_when_they_were(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.dcm" for number in range(FRAMES * SLICES)]
    write_dicom(paths, series())
    found = [pydicom.dcmread(path) for path in paths]
    moments = [index // SLICES for index in range(len(paths))]
    assert [one.TemporalPositionIdentifier for one in found] == [moment + 1 for moment in moments]
    assert [one.TemporalPositionIndex for one in found] == [moment + 1 for moment in moments]
    assert {one.NumberOfTemporalPositions for one in found} == {FRAMES}
    assert [float(one.TriggerTime) for one in found] == [42.5 * moment for moment in moments]
    assert {float(one.TemporalResolution) for one in found} == {42.5}
    assert len({tuple(one.ImagePositionPatient) for one in found}) == SLICES


def test_dicom_leaves_unknown_times_out(tmp_path: Path) -> None:
    write_dicom([tmp_path / f"{n}.dcm" for n in range(FRAMES * SLICES)], series(replace(HEADER, frame_interval=None)))
    first = pydicom.dcmread(tmp_path / "0.dcm")
    assert "TriggerTime" not in first
    assert first.NumberOfTemporalPositions == FRAMES
