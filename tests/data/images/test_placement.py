"""Checks that pixels keep their position in the patient when an image is cropped or turned."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.stacks import oblique_geometry, oblique_stack, where
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition, Geometry, Header
from recon.data.images.placement import place, slice_distance, stack, upright
from recon.data.images.square_pixels import as_scanner

sizes = st.integers(5, 12)


@given(readout=sizes, phase=sizes, cut_readout=st.integers(0, 4), cut_phase=st.integers(0, 4))
def test_a_point_without_phase_in_kspace_lies_at_the_centre_of_the_slice(
    readout: int, phase: int, cut_readout: int, cut_phase: int
) -> None:
    crop = readout - cut_readout, phase - cut_phase
    constant = Acquisition(
        kspace=torch.ones(1, readout, phase, dtype=torch.complex64),
        mask=torch.ones(phase, dtype=torch.bool),
        header=Header(crop=crop, padding=(0, phase)),
    )
    row, column = divmod(int(ZeroFilled()(constant).argmax()), crop[1])
    geometry = Geometry((7.0, -8.0, 9.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (-1.0, 0.0, 0.0), (100.0, 80.0, 5.0))
    placement = place(geometry, (2.0, 3.0), crop)
    np.testing.assert_allclose(where(placement, row, column), geometry.position, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_turning_upright_moves_no_pixel_in_the_patient(seed: int) -> None:
    scan = oblique_stack(1, seed)
    image, placement = scan.images[0], scan.placements[0]
    turned, turned_placement = upright(image, placement)
    for row, column in [(0, 0), (5, 30), (47, 39), (20, 2)]:
        new = np.argwhere(turned == image[row, column])[0]
        np.testing.assert_allclose(where(turned_placement, *new), where(placement, row, column), atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_upright_shows_the_patient_as_radiologists_expect(seed: int) -> None:
    scan = oblique_stack(1, seed)
    _, turned = upright(scan.images[0], scan.placements[0])
    left, posterior, superior = np.eye(3)
    across, down = {
        0: (posterior, -superior),
        1: (left, -superior),
        2: (left, posterior),
    }[int(np.argmax(np.abs(turned.normal)))]
    assert turned.across @ across > 0
    assert turned.down @ down > 0


def test_without_geometry_the_pixel_size_is_kept_and_nothing_is_turned() -> None:
    header = Header(crop=(48, 40), padding=(0, 40), field_of_view=(240.0, 180.0))
    scan = stack(np.zeros((2, 48, 40), np.float32), header, (96, 40))
    assert not scan.oriented
    np.testing.assert_allclose(scan.placements[0].spacing, (5.0, 4.5))
    turned = upright(np.arange(6).reshape(2, 3), scan.placements[0])[0]
    np.testing.assert_array_equal(turned, np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(("known", "expected"), [(5.0, 5.0), (None, 1.0)])
def test_without_geometry_slices_are_as_far_apart_as_they_are_thick(known: float | None, expected: float) -> None:
    header = Header(crop=(48, 40), padding=(0, 40), slice_thickness=known)
    placements = stack(np.zeros((3, 48, 40), np.float32), header, (48, 40)).placements
    assert [one.thickness for one in placements] == [expected] * 3
    assert slice_distance(placements) == expected
    assert placements[1].corner[2] == 0


def test_a_matrix_smaller_than_the_image_has_larger_pixels() -> None:
    header = Header(
        crop=(48, 40),
        padding=(0, 20),
        geometry=oblique_geometry(1),
        field_of_view=(240.0, 180.0),
        encoded_field_of_view=(480.0, 180.0),
    )
    sizes = {columns: stack(np.zeros((1, 48, columns), np.float32), header, (96, 20)) for columns in (20, 40)}
    np.testing.assert_allclose(sizes[20].placements[0].spacing, (5.0, 9.0))
    np.testing.assert_allclose(sizes[40].placements[0].spacing, (5.0, 4.5))


def test_selected_slices_keep_their_positions() -> None:
    full = oblique_stack(4)
    header = Header(crop=(48, 40), padding=(0, 40), geometry=oblique_geometry(4))
    some = stack(full.images[[1, 3]], header, (96, 40), [1, 3])
    np.testing.assert_array_equal(some.placements[1].corner, full.placements[3].corner)


@pytest.mark.parametrize(
    ("header", "matrix", "pixel"),
    [
        (Header((48, 40), (0, 40), (240.0, 180.0), encoded_field_of_view=(480.0, 180.0)), (96, 40), (5.0, 4.5)),
        (Header((48, 40), (0, 40), (240.0, 180.0)), (48, 40), (5.0, 4.5)),
    ],
)
def test_an_enlarged_image_shows_the_same_field_of_view(
    header: Header, matrix: tuple[int, int], pixel: tuple[float, float]
) -> None:
    for factor in (1, 1.5, 2):
        size = round(48 * factor), round(40 * factor)
        images = np.zeros((1, *size), np.float32)
        (placement,) = stack(*as_scanner(images, header, matrix)).placements
        assert np.linalg.norm(placement.down) == pytest.approx(pixel[0] / factor)
        assert np.linalg.norm(placement.across) == pytest.approx(pixel[1] / factor)
