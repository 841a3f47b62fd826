"""Regions have the size and place in mm that they were given, whatever the pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.experiments.study.geometry import Ellipse, Frame

FRAMES = [Frame((200, 200), (1.0, 1.0)), Frame((401, 160), (0.5, 1.25)), Frame((150, 333), (1.4, 0.6))]


@pytest.mark.parametrize("frame", FRAMES)
@given(x=st.floats(-40, 40), y=st.floats(-40, 40), a=st.floats(6, 30), b=st.floats(6, 30), angle=st.floats(-180, 180))
def test_area_centre_and_extent_in_mm(frame: Frame, x: float, y: float, a: float, b: float, angle: float) -> None:
    mask = Ellipse((x, y), (a, b), angle).mask(frame)
    across, down = frame.positions()
    area = mask.sum() * frame.spacing[0] * frame.spacing[1]
    assert area == pytest.approx(np.pi * a * b, rel=0.08)
    assert across[mask].mean() == pytest.approx(x, abs=0.5)
    assert down[mask].mean() == pytest.approx(y, abs=0.5)
    assert np.hypot(across[mask] - x, down[mask] - y).max() == pytest.approx(max(a, b), abs=1.5)


def test_the_middle_is_the_pixel_of_index_half() -> None:
    frame = Frame((7, 4), (2.0, 3.0))
    across, down = frame.positions()
    assert (across[3, 2], down[3, 2]) == (0, 0)
    assert (across[3, 3], down[4, 2]) == (3, 2)
    np.testing.assert_array_equal(
        frame.to_pixels(np.array([[0.0, 0.0], [3.0, 2.0], [-6.0, -6.0]])), [[3, 2], [4, 3], [0, 0]]
    )


def test_an_angle_turns_from_right_to_down() -> None:
    frame = Frame((101, 101), (1.0, 1.0))
    mask = Ellipse((0, 0), (30, 4), 45).mask(frame)
    assert mask[50 + 15, 50 + 15]
    assert not mask[50 - 15, 50 + 15]


def test_lines_cross_the_border_at_right_angles() -> None:
    ellipse = Ellipse((3, -5), (20, 8), 30)
    starts, ends = ellipse.border_lines(16, 4)
    middles = (starts + ends) / 2
    np.testing.assert_allclose(np.linalg.norm(ends - starts, axis=1), 8)
    frame = Frame((800, 800), (0.1, 0.1))
    mask = ellipse.mask(frame)
    rows, columns = np.rint(frame.to_pixels(0.95 * middles + 0.05 * starts)).astype(int).T
    assert mask[rows, columns].all()
    rows, columns = np.rint(frame.to_pixels(0.95 * middles + 0.05 * ends)).astype(int).T
    assert not mask[rows, columns].any()
    tangents = np.roll(middles, -1, axis=0) - np.roll(middles, 1, axis=0)
    cosines = (tangents * (ends - starts)).sum(1) / np.linalg.norm(tangents, axis=1) / 8
    assert np.abs(cosines).max() < 0.25


def test_lines_do_not_reach_beyond_the_middle() -> None:
    starts, _ = Ellipse((0, 0), (3, 3)).border_lines(8, 10)
    np.testing.assert_allclose(starts, 0, atol=1e-12)
