import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sigpy.mri.linop import Sense

from helpers.adjoint import assert_adjoint
from helpers.slices import random_kspace
from recon.solvers.encoding import Encoding

SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(8, 33), st.integers(8, 33))
ALONG_PHASE, ALONG_BOTH = (-1,), (-2, -1)
every_axes = pytest.mark.parametrize("axes", [ALONG_PHASE, ALONG_BOTH])


def random_encoding(shape: tuple[int, ...], axes: tuple[int, ...]) -> Encoding:
    generator = torch.Generator().manual_seed(3)
    mask = torch.rand(shape[-len(axes) :], generator=generator, dtype=torch.float64) > 0.5
    return Encoding(random_kspace(*shape, seed=2, dtype=torch.complex128), mask.double(), axes)


@every_axes
@given(shape=SHAPES)
def test_the_adjoint_is_the_adjoint(axes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    sets, coils, *matrix = shape
    A = random_encoding(shape, axes)
    assert_adjoint(A.forward, A.adjoint, (sets, *matrix), (coils, *matrix))


@every_axes
@given(shape=SHAPES)
def test_the_normal_operator_is_the_adjoint_of_the_operator_after_it(
    axes: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    sets, _, *matrix = shape
    A = random_encoding(shape, axes)
    image = random_kspace(sets, *matrix, dtype=torch.complex128)
    torch.testing.assert_close(A.normal(image), A.adjoint(A.forward(image)))


@pytest.mark.parametrize("matrix", [(16, 14), (15, 13)])
def test_in_centred_order_the_operator_is_sigpys(matrix: tuple[int, int]) -> None:
    A = random_encoding((1, 4, *matrix), ALONG_BOTH)
    image = random_kspace(1, *matrix, seed=5, dtype=torch.complex128)

    def centred(values: torch.Tensor) -> torch.Tensor:
        return torch.fft.fftshift(values, dim=ALONG_BOTH)

    theirs = Sense(centred(A.sens_maps[0]).numpy(), weights=centred(A.mask).numpy()) * centred(image[0]).numpy()
    torch.testing.assert_close(centred(A.forward(image)), torch.from_numpy(theirs))


def test_a_mask_along_phase_leaves_the_readout_transform_out_without_changing_anything() -> None:
    shape = (1, 4, 12, 14)
    A = random_encoding(shape, ALONG_PHASE)
    both = Encoding(A.sens_maps, A.mask.expand(12, 14), ALONG_BOTH)
    image = random_kspace(1, 12, 14, dtype=torch.complex128)
    torch.testing.assert_close(both.normal(image), A.normal(image))
