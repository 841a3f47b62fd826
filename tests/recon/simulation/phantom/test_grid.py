import numpy as np
import pytest

from recon.simulation.phantom.grid import BRAIN_HEIGHT, HEAD_SPACE, centred_axis, field_of_view, slice_heights


@pytest.mark.parametrize("shape", [(320, 320), (256, 216), (640, 320), (33, 47)])
def test_pixels_are_square_and_a_head_fits(shape: tuple[int, int]):
    rows, columns = field_of_view(shape)
    assert rows / shape[0] == pytest.approx(columns / shape[1])
    assert rows >= HEAD_SPACE[0] - 1e-9
    assert columns >= HEAD_SPACE[1] - 1e-9


@pytest.mark.parametrize("size", [8, 9])
def test_a_matrix_twice_as_fine_has_a_pixel_at_each_coarse_one(size: int):
    np.testing.assert_allclose(centred_axis(2 * size, 100)[size % 2 :: 2], centred_axis(size, 100))


@pytest.mark.parametrize("slices", [1, 2, 16, 40])
def test_stack_is_centred_and_within_the_brain(slices: int):
    heights = slice_heights(slices)
    assert len(heights) == slices
    assert heights.mean() == pytest.approx(0, abs=1e-9)
    assert np.ptp(heights) <= BRAIN_HEIGHT + 1e-9
