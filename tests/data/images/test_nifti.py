"""Checks that NIfTI files give every voxel its position and value."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from helpers.scans.stacks import oblique_stack, where
from recon.data.errors import InputError
from recon.data.images.nifti import write_nifti

TO_RAS = np.array([-1, -1, 1])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("seed", range(3))
def test_every_voxel_has_its_value_at_its_place(tmp_path: Path, ending: str, seed: int) -> None:
    scan = oblique_stack(3, seed)
    (path,) = write_nifti(tmp_path / f"scan{ending}", scan)
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    for slice_, row, column in [(0, 0, 0), (1, 47, 3), (2, 11, 39)]:
        (voxel,) = np.argwhere(values == scan.images[slice_, row, column])
        position = nib.affines.apply_affine(image.affine, voxel)
        np.testing.assert_allclose(position, TO_RAS * where(scan.placements[slice_], row, column), atol=1e-3)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-3)
    assert image.get_sform(coded=True)[1] == 1
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header.get_dim_info() == (0, 1, 2)


def test_slices_out_of_order_come_out_in_order(tmp_path: Path) -> None:
    scan = oblique_stack(4)
    mixed = [2, 0, 3, 1]
    shuffled = replace(scan, images=scan.images[mixed], placements=tuple(scan.placements[i] for i in mixed))
    one, other = (
        nib.load(write_nifti(tmp_path / name, given)[0])
        for name, given in [("one.nii", scan), ("other.nii", shuffled)]
    )
    np.testing.assert_array_equal(one.get_fdata(), other.get_fdata())
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)


def test_several_images_at_each_place_are_a_fourth_axis(tmp_path: Path) -> None:
    scan = oblique_stack(3)
    twice = replace(
        scan, images=np.concatenate([scan.images, -scan.images]), placements=scan.placements + scan.placements
    )
    values = nib.load(write_nifti(tmp_path / "scan.nii", twice)[0]).get_fdata()
    assert values.shape == (48, 40, 3, 2)
    np.testing.assert_array_equal(values[..., 0], -values[..., 1])


def test_complex_images_become_magnitude_and_phase(tmp_path: Path) -> None:
    scan = oblique_stack(2)
    turned = replace(scan, images=scan.images * np.exp(1j * np.float32(0.7)))
    paths = write_nifti(tmp_path / "scan.nii.gz", turned)
    assert [path.name for path in paths] == ["scan_part-mag.nii.gz", "scan_part-phase.nii.gz"]
    magnitude, phase = (nib.load(path).get_fdata() for path in paths)
    np.testing.assert_allclose(magnitude * np.exp(1j * phase), turned.images.transpose(1, 2, 0), rtol=1e-5)


def test_an_unknown_orientation_is_marked_as_unknown(tmp_path: Path) -> None:
    scan = oblique_stack(2, geometry=None, field_of_view=(240.0, 180.0))
    image = nib.load(write_nifti(tmp_path / "scan.nii", scan)[0])
    assert image.get_sform(coded=True)[1] == image.get_qform(coded=True)[1] == 0
    np.testing.assert_allclose(image.header.get_zooms()[:2], (5, 4.5))


@pytest.mark.parametrize("problem", ["not parallel", "not evenly spaced", "in one place"])
def test_stacks_that_one_file_cannot_represent_are_refused(tmp_path: Path, problem: str) -> None:
    scan = oblique_stack(4)
    first, second, third, fourth = scan.placements
    wrong = {
        "not parallel": replace(fourth, down=fourth.across, across=fourth.down),
        "not evenly spaced": replace(fourth, corner=fourth.corner + 3 * fourth.normal),
        "in one place": third,
    }[problem]
    with pytest.raises(InputError, match=problem):
        write_nifti(tmp_path / "scan.nii", replace(scan, placements=(first, second, third, wrong)))
    assert not list(tmp_path.iterdir())
