import pytest
import torch
from fastmri.data.transforms import center_crop as fastmri_crop
from hypothesis import given
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from recon.crop import center_crop, center_pad


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 9), st.integers(0, 9))
def test_padding_is_the_adjoint_of_cropping(rows: int, columns: int, more_rows: int, more_columns: int) -> None:
    small, large = (rows, columns), (rows + more_rows, columns + more_columns)
    assert_adjoint(lambda x: center_crop(x, small), lambda y: center_pad(y, large), large, small)


@pytest.mark.parametrize("shape", [(4, 4), (5, 4), (3, 5), (1, 6)])
def test_the_crop_is_fastmris(shape: tuple[int, int]) -> None:
    image = torch.arange(2 * 7 * 6.0).reshape(2, 7, 6)
    assert torch.equal(center_crop(image, shape), fastmri_crop(image, shape))


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot crop"):
        center_crop(torch.zeros(4, 4), (5, 4))
    with pytest.raises(ValueError, match="cannot pad"):
        center_pad(torch.zeros(4, 4), (3, 4))
