import fastmri
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from helpers.scans.slices import random_kspace
from recon.fourier import fft, hann, ifft

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 33), st.integers(1, 33))


@given(SIZES)
def test_the_inverse_is_the_adjoint(shape: tuple[int, int, int]) -> None:
    assert_adjoint(fft, ifft, shape, shape)


@given(SIZES)
def test_there_and_back_is_the_identity(shape: tuple[int, int, int]) -> None:
    image = random_kspace(*shape, dtype=torch.complex128)
    torch.testing.assert_close(ifft(fft(image)), image)


@pytest.mark.parametrize("shape", [(3, 16, 12), (2, 15, 13), (1, 8, 7)])
def test_the_transforms_are_fastmris(shape: tuple[int, int, int]) -> None:
    image = random_kspace(*shape)
    theirs = torch.view_as_complex(fastmri.fft2c(torch.view_as_real(image)))
    torch.testing.assert_close(fft(image), theirs)


@pytest.mark.parametrize("size", [8, 9])
def test_dc_lies_in_the_middle(size: int) -> None:
    kspace = fft(torch.ones(size, size, dtype=torch.complex64))
    assert kspace.abs().argmax() == (size // 2) * size + size // 2


def test_a_window_is_symmetric_and_nowhere_zero() -> None:
    for size in (1, 2, 7, 8):
        window = hann(size)
        assert window.shape == (size,)
        assert (window > 0).all()
        torch.testing.assert_close(window, window.flip(0))
