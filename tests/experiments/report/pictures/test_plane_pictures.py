"""3-D scans are shown in three planes through the place where the reconstructions differ most."""

from pathlib import Path

import numpy as np
import pytest

from helpers.comparison import make_comparison
from helpers.scans.volumes import kspace_3d, write_3d
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.pictures.panels import ERROR_GAIN, columns
from recon.experiments.report.pictures.plane_pictures import PlanePictures, plane_pictures
from recon.preprocessing.full_scan import with_target

MATRIX = (12, 24, 20)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> SampledVolume:
    kspace, _ = kspace_3d(np.ones(MATRIX, np.float32), 2)
    path, _ = write_3d(tmp_path_factory.mktemp("planes") / "head.mrd", kspace, MATRIX, voxel=(2.0, 1.0, 1.5))
    return SampledVolume(with_target(open_volume(path)))


@pytest.fixture
def pictures(scan: SampledVolume) -> PlanePictures:
    target = scan.volume.read_target()
    assert target is not None
    image = target.copy()
    image[5, 7, 9] += target.max()
    found = plane_pictures(scan, {"sense": image}, 6)
    assert found is not None
    return found


def test_the_planes_meet_where_the_error_is_largest(pictures: PlanePictures) -> None:
    assert pictures.place == (5, 7, 9)
    wrong = pictures.images["sense"] - pictures.target
    assert all(plane.max() > 0 for plane in pictures.cut(wrong).values())


def test_pixels_are_square_whatever_the_voxels_are(pictures: PlanePictures) -> None:
    sizes = {frozenset(plane.shape) for plane in pictures.cut(pictures.images["sense"]).values()}
    assert sizes == {frozenset({24, 30}), frozenset({24}), frozenset({30, 24})}
    assert sorted(pictures.cut(pictures.images["sense"])) == ["axial", "coronal", "sagittal"]


def test_every_method_and_its_error_is_shown_in_three_planes(pictures: PlanePictures) -> None:
    image = pictures.images["sense"][5]
    comparison = make_comparison(
        target=pictures.target[5],
        images={"sense": image, "grappa": image},
        planes=PlanePictures(
            pictures.target, {"sense": pictures.images["sense"], "grappa": pictures.target}, pictures.planes
        ),
    )
    for column in columns(comparison):
        rows = [row for row in column.rows if row and row[0] is not None and row[0].kind.startswith("plane")]
        assert [row[0].title for row in rows if row[0]] == ["axial", "coronal", "sagittal"]
        if column.title == "target":
            assert all(row[1] is None for row in rows)
        else:
            errors = [row[1].values.max() for row in rows if row[1] is not None]
            expected = 0 if column.title == "grappa" else ERROR_GAIN * 0.1 * pictures.target.max()
            assert len(errors) == 3
            assert min(errors) >= expected


def test_two_dimensional_scans_have_no_planes(tmp_path: Path) -> None:
    np.save(tmp_path / "slices.npy", np.ones((3, 2, 16, 16), np.complex64))
    volume = open_volume(tmp_path / "slices.npy")
    assert plane_pictures(SampledVolume(volume), {"sense": np.ones((3, 16, 16), np.float32)}, 1) is None
