"""Planes through a volume are upright, have square pixels, and carry the names of their orientation."""

import numpy as np
import pytest

from recon.data.acquisition import Geometry, Header
from recon.data.images.placement import Stack, stack
from recon.data.images.planes import planes

AXES = {"left": (1.0, 0.0, 0.0), "posterior": (0.0, 1.0, 0.0), "superior": (0.0, 0.0, 1.0)}


def volume_of(directions: tuple[str, str, str], step: float = 3.0) -> Stack:
    """A volume of 5 slices, 6 rows 2 mm apart and 8 columns 1 mm apart, along these axes of the patient."""
    normal, down, across = (AXES[name] for name in directions)
    places = tuple(
        Geometry(tuple(step * number * x for x in normal), down, across, normal, (12.0, 8.0, step))
        for number in range(5)
    )
    images = np.arange(5 * 6 * 8, dtype=np.float32).reshape(5, 6, 8)
    header = Header((6, 8), (0, 8), geometry=places, field_of_view=(12.0, 8.0), encoded_field_of_view=(12.0, 8.0))
    return stack(images, header, (6, 8))


@pytest.mark.parametrize(
    ("directions", "names"),
    [
        (("superior", "posterior", "left"), ("axial", "coronal", "sagittal")),
        (("left", "superior", "posterior"), ("sagittal", "axial", "coronal")),
        (("posterior", "left", "superior"), ("coronal", "sagittal", "axial")),
    ],
)
def test_planes_are_named_by_the_axis_they_are_perpendicular_to(
    directions: tuple[str, str, str], names: tuple[str, str, str]
) -> None:
    assert tuple(plane.name for plane in planes(volume_of(directions))) == names


def test_an_oblique_volume_still_has_three_different_planes() -> None:
    turn = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)  # two normals are equally far from left
    down, across, normal = (tuple(map(float, axis)) for axis in turn)
    places = (Geometry((0.0, 0.0, 0.0), down, across, normal, (12.0, 8.0, 3.0)),)
    placed = stack(np.ones((1, 6, 8), np.float32), Header((6, 8), (0, 8), geometry=places), (6, 8))
    assert sorted(plane.name for plane in planes(placed)) == ["axial", "coronal", "sagittal"]


def test_square_pixels_have_the_extent_of_the_voxels() -> None:
    placed = volume_of(("superior", "posterior", "left"))
    axial, coronal, sagittal = planes(placed)
    sizes = [plane.square(plane.cut(placed.images, 0)) for plane in (axial, coronal, sagittal)]
    assert sizes == [(12, 8), (15, 8), (15, 12)]


def test_the_head_is_up_and_the_nose_is_left_in_the_sagittal_plane() -> None:
    placed = volume_of(("superior", "posterior", "left"))
    _, coronal, sagittal = planes(placed)
    np.testing.assert_array_equal(coronal.cut(placed.images, 2), placed.images[::-1, 2, :])
    np.testing.assert_array_equal(sagittal.cut(placed.images, 3), placed.images[::-1, :, 3])


def test_planes_of_unknown_orientation_are_named_by_the_axes_of_the_scan() -> None:
    images = np.ones((4, 6, 8), np.float32)
    scan = stack(images, Header((6, 8), (0, 8), volumetric=True), (6, 8))
    assert [plane.name for plane in planes(scan)] == ["across the readout", "across phase 1", "across phase 2"]
