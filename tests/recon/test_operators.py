import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sigpy.mri.linop import Sense

from helpers.adjoint import assert_adjoint
from helpers.slices import random_kspace
from recon.operators import SenseOperator

SHAPES = st.tuples(st.integers(1, 8), st.integers(8, 33), st.integers(8, 33))


def random_operator(shape: tuple[int, int, int], two_dimensional: bool) -> SenseOperator:
    mask = torch.rand(shape[1:] if two_dimensional else shape[2:], generator=torch.Generator().manual_seed(3)) > 0.5
    return SenseOperator(random_kspace(*shape, seed=2, dtype=torch.complex128), mask)


@given(SHAPES, st.booleans())
def test_the_adjoint_is_the_adjoint(shape: tuple[int, int, int], two_dimensional: bool) -> None:
    A = random_operator(shape, two_dimensional)
    assert_adjoint(A, A.adjoint, shape[1:], shape)


@given(SHAPES, st.booleans())
def test_the_normal_operator_is_self_adjoint(shape: tuple[int, int, int], two_dimensional: bool) -> None:
    A = random_operator(shape, two_dimensional)
    assert_adjoint(A.normal, A.normal, shape[1:], shape[1:])


@pytest.mark.parametrize("shape", [(4, 16, 14), (3, 15, 13)])
def test_the_operator_is_sigpys(shape: tuple[int, int, int]) -> None:
    A = random_operator(shape, two_dimensional=False)
    image = random_kspace(*shape[1:], seed=5, dtype=torch.complex128)
    weights = A.mask.double().expand(shape[1:]).numpy()
    theirs = Sense(A.sens_maps.numpy(), weights=weights) * image.numpy()
    torch.testing.assert_close(A(image), torch.from_numpy(theirs))
