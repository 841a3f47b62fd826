"""The viewer holds as many slices and frames as its share of the page allows, evenly spaced."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.scans.volumes import kspace_3d, write_3d
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import stack
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.viewer.volume import FEWEST, Budget, ViewerVolume

SIZE = (24, 20)
NOISE = np.random.default_rng(0).uniform(0, 1, (40, *SIZE)).astype(np.float32)


def scan_of(folder: Path, *shape: int, axes: str = "slices coils readout phase") -> SampledVolume:
    np.save(folder / "scan.npy", np.zeros((*shape, 2, *SIZE), np.complex64))
    return SampledVolume(open_volume(folder / "scan.npy", axes=axes))


def encode(scan: SampledVolume, index: int, remaining: int = 10**9, comparisons: int = 1) -> ViewerVolume | None:
    images: NDArray[np.float32] = NOISE[: len(scan)]
    return Budget(remaining, comparisons).encode(scan, {"a": images, "b": images}, index, SIZE, 1.0)


def test_all_slices_are_there_if_they_fit(tmp_path: Path) -> None:
    found = encode(scan_of(tmp_path, 12), 7)
    assert found is not None
    assert list(found.encoded) == ["a", "b"]
    assert found.description["shape"] == [1, 12, *SIZE]
    assert found.description["shown"] == (0, 7)
    assert found.description["labels"] == [[f"slice {number}" for number in range(12)]]


@pytest.mark.parametrize("index", [0, 7, 39])
def test_fewer_slices_are_evenly_spaced_and_contain_the_one_in_the_pictures(tmp_path: Path, index: int) -> None:
    scan = scan_of(tmp_path, 40)
    every = encode(scan, index)
    assert every is not None
    found = encode(scan, index, remaining=every.size // 3)
    assert found is not None
    assert found.size <= every.size // 3
    (labels,) = found.description["labels"]
    numbers = [int(label.removeprefix("slice ")) for label in labels]
    assert len(set(np.diff(numbers))) == 1
    assert labels[found.description["shown"][1]] == f"slice {index}"
    assert len(numbers) >= 10


def test_comparisons_share_the_page_and_the_last_ones_stay_pictures(tmp_path: Path) -> None:
    scan = scan_of(tmp_path, 20)
    every = encode(scan, 10)
    assert every is not None
    budget = Budget(every.size, 8)
    images = {"a": NOISE[:20], "b": NOISE[:20]}
    found = [budget.encode(scan, images, 10, SIZE, 1.0) for _ in range(8)]
    assert sum(one.size for one in found if one) <= every.size
    assert 2 <= sum(one is not None for one in found) < 8
    assert all(one.description["shape"][1] >= FEWEST - 1 for one in found if one)
    assert Budget(0, 1).encode(scan, images, 10, SIZE, 1.0) is None


def test_frames_of_a_series_are_an_axis_of_their_own(tmp_path: Path) -> None:
    scan = scan_of(tmp_path, 5, 3, axes="frames slices coils readout phase")
    found = encode(scan, 4)
    assert found is not None
    assert found.description["shape"] == [5, 3, *SIZE]
    frame, place = found.description["shown"]
    labels = found.description["labels"]
    assert labels[frame][place] == labels[4 // 3][4 % 3]
    assert {label for row in labels for label in row} == {
        f"slice {place}, frame {frame}" for place in range(3) for frame in range(5)
    }


def test_volumes_lie_in_the_patient_as_in_nifti(tmp_path: Path) -> None:
    matrix = (6, 24, 20)
    kspace, _ = kspace_3d(np.ones(matrix, np.float32), 2)
    path, _ = write_3d(tmp_path / "head.mrd", kspace, matrix, voxel=(2.0, 1.0, 1.5))
    scan = SampledVolume(open_volume(path))
    images = NOISE[:6]
    found = Budget(10**9, 1).encode(scan, {"a": images}, 3, SIZE, 1.0)
    assert found is not None
    assert found.description["volumetric"]
    write_nifti(tmp_path / "head.nii", stack(images, scan.volume.header, scan.volume.shape[2:]))
    written = nib.load(tmp_path / "head.nii")
    values = written.get_fdata()
    affine, lookup = np.array(found.description["affine"]), np.linalg.inv(written.affine)
    for place, row, column in ((0, 0, 0), (5, 3, 7), (2, 23, 19)):
        voxel = lookup @ affine @ [column, row, place, 1]
        np.testing.assert_allclose(voxel, np.rint(voxel), atol=1e-3)
        assert values[tuple(np.rint(voxel[:3]).astype(int))] == pytest.approx(images[place, row, column])
