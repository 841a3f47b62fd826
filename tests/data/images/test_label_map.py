"""Label maps are looked up by place, and files that hold none are refused in one sentence."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from recon.data.acquisition import Geometry, Header
from recon.data.errors import InputError
from recon.data.images.label_map import read_label_map
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import stack

ROWS, COLUMNS, SLICES = 20, 14, 3
LABELS = np.random.default_rng(0).integers(0, 5, (SLICES, ROWS, COLUMNS))


def header(oblique: bool = True) -> Header:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0] if oblique else np.eye(3)
    read, phase, normal = (tuple(axis.tolist()) for axis in turn)
    places = [
        Geometry(tuple((np.array([5.0, -3, 11]) + 6 * n * turn[2]).tolist()), read, phase, normal, (40.0, 21.0, 5.0))
        for n in range(SLICES)
    ]
    return Header(
        (ROWS, COLUMNS), (0, COLUMNS), (40.0, 21.0), encoded_field_of_view=(40.0, 21.0), geometry=tuple(places)
    )


def test_labels_drawn_on_our_images_are_found_in_their_slices(tmp_path: Path) -> None:
    images = stack(LABELS.astype(np.float32), header(), (ROWS, COLUMNS))
    write_nifti(tmp_path / "labels.nii.gz", images)
    label_map = read_label_map(tmp_path / "labels.nii.gz")
    for placement, expected in zip(images.placements, LABELS, strict=True):
        np.testing.assert_array_equal(label_map.at(placement, (ROWS, COLUMNS)), expected)


def test_another_grid_and_other_axes_give_the_same_labels(tmp_path: Path) -> None:
    images = stack(LABELS.astype(np.float32), header(), (ROWS, COLUMNS))
    write_nifti(tmp_path / "labels.nii", images)
    stored = nib.load(tmp_path / "labels.nii")
    fine = nib.Nifti1Image(
        np.repeat(np.asarray(stored.dataobj), 2, axis=0).astype(np.int16),
        stored.affine @ np.array([[0.5, 0, 0, -0.25], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    )
    turned = nib.as_closest_canonical(fine)
    nib.save(turned, tmp_path / "turned.nii.gz")
    label_map = read_label_map(tmp_path / "turned.nii.gz")
    assert label_map.labels.shape != stored.shape
    np.testing.assert_array_equal(label_map.at(images.placements[1], (ROWS, COLUMNS)), LABELS[1])


def test_outside_the_map_there_is_no_label(tmp_path: Path) -> None:
    images = stack(np.ones((1, 4, 4), np.float32), Header((4, 4), (0, 4), (4.0, 4.0)), (4, 4))
    write_nifti(tmp_path / "labels.nii", images)
    larger = stack(np.ones((1, 8, 8), np.float32), Header((8, 8), (0, 8), (8.0, 8.0)), (8, 8)).placements[0]
    labels = read_label_map(tmp_path / "labels.nii").at(larger, (8, 8))
    assert labels[2:6, 2:6].all()
    assert labels.sum() == 16


def damaged(path: Path) -> None:
    nib.save(nib.Nifti1Image(np.ones((9, 9, 9), np.int16), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:700])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.unlink(missing_ok=True), "there is no such label map"),
        (lambda path: path.write_bytes(b"no NIfTI at all"), "is not a NIfTI file that can be read"),
        (lambda path: path.write_bytes(b""), "is not a NIfTI file that can be read"),
        (damaged, "is not a NIfTI file that can be read"),
        (lambda path: nib.save(nib.Nifti1Image(np.full((2, 2, 2), 0.5), np.eye(4)), path), "are not whole numbers"),
        (
            lambda path: nib.save(nib.Nifti1Image(np.full((2, 2, 2), np.nan), np.eye(4)), path),
            "are not whole numbers",
        ),
        (lambda path: nib.save(nib.Nifti1Image(np.ones((2, 2, 2, 2), "i2"), np.eye(4)), path), "has three axes"),
        (lambda path: nib.save(nib.Nifti1Image(np.ones((2, 2, 2), "c8"), np.eye(4)), path), "has three axes"),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path: Path, make: object, sentence: str) -> None:
    path = tmp_path / "labels.nii"
    make(path)
    with pytest.raises(InputError, match=f"labels.nii: .*{sentence}") as caught:
        read_label_map(path)
    assert "\n" not in str(caught.value)


def test_an_affine_without_inverse_is_refused(tmp_path: Path) -> None:
    content = bytearray(nib.Nifti1Image(np.ones((2, 2, 2), "i2"), np.eye(4)).to_bytes())
    content[312:328] = bytes(16)  # the affine's third row
    (tmp_path / "labels.nii").write_bytes(content)
    with pytest.raises(InputError, match="its affine has no inverse"):
        read_label_map(tmp_path / "labels.nii")


def test_a_map_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.ones((2, 2, 2), "i2"), np.eye(4))
    image.header["dim"][1:4] = 30000
    content = bytearray(image.header.binaryblock) + bytes(20)
    (tmp_path / "labels.nii").write_bytes(content)
    with pytest.raises(InputError, match="would take .* GiB"):
        read_label_map(tmp_path / "labels.nii")
