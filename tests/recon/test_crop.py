import pytest
import torch
from fastmri.data.transforms import center_crop as crop_of_fastmri
from hypothesis import given
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from recon.crop import center_crop, center_pad, fastmri_crop, fastmri_pad

PAIRS = [(center_crop, center_pad), (fastmri_crop, fastmri_pad)]


@pytest.mark.parametrize("pair", PAIRS)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 9), st.integers(0, 9))
def test_padding_is_the_adjoint_of_cropping(
    pair: tuple, rows: int, columns: int, more_rows: int, more_columns: int
) -> None:
    (crop, pad), small, large = pair, (rows, columns), (rows + more_rows, columns + more_columns)
    assert_adjoint(lambda x: crop(x, small), lambda y: pad(y, large), large, small)


@pytest.mark.parametrize(("size", "kept"), [(64, 31), (66, 33), (64, 32), (63, 32), (63, 31), (5, 5)])
def test_the_centre_stays_the_centre(size: int, kept: int) -> None:
    axis = torch.arange(size)
    assert center_crop(axis, (kept,))[kept // 2] == size // 2
    assert center_pad(axis[:kept] + 1, (size,))[size // 2] == kept // 2 + 1


@pytest.mark.parametrize("shape", [(4, 4), (5, 4), (3, 5), (1, 6)])
def test_the_crop_of_targets_is_fastmris(shape: tuple[int, int]) -> None:
    image = torch.arange(2 * 7 * 6.0).reshape(2, 7, 6)
    assert torch.equal(fastmri_crop(image, shape), crop_of_fastmri(image, shape))


@pytest.mark.parametrize(("crop", "pad"), PAIRS)
def test_impossible_sizes_are_refused(crop, pad) -> None:
    with pytest.raises(ValueError, match="cannot crop"):
        crop(torch.zeros(4, 4), (5, 4))
    with pytest.raises(ValueError, match="cannot pad"):
        pad(torch.zeros(4, 4), (3, 4))
