"""The one operator: adjoint, normal, batched, and equal to sigpy's."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sigpy.mri.linop import Sense

from helpers.adjoint import assert_adjoint
from helpers.scans.slices import random_kspace
from helpers.torch_only import torch_only
from recon.kernels import kernels
from recon.solvers import encoding, encoding_loops
from recon.solvers.encoding import Encoding

SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(8, 33), st.integers(8, 33))
BATCHES = st.sampled_from([(), (1,), (3,), (2, 2)])
ALONG_PHASE, ALONG_BOTH = (-1,), (-2, -1)
every_axes = pytest.mark.parametrize("axes", [ALONG_PHASE, ALONG_BOTH])


def random_encoding(shape: tuple[int, ...], axes: tuple[int, ...], batch: tuple[int, ...] = ()) -> Encoding:
    generator = torch.Generator().manual_seed(3)
    size = (1 if axes == ALONG_PHASE else shape[-2], shape[-1])
    mask = torch.rand(*batch, 1, *size, generator=generator) > 0.5
    return Encoding(random_kspace(*batch, *shape, seed=2, dtype=torch.complex128), mask, axes)


@every_axes
@given(shape=SHAPES, batch=BATCHES)
def test_the_adjoint_is_the_adjoint(axes: tuple[int, ...], shape: tuple[int, ...], batch: tuple[int, ...]) -> None:
    sets, coils, *matrix = shape
    A = random_encoding(shape, axes, batch)
    assert_adjoint(A.forward, A.adjoint, (*batch, sets, *matrix), (*batch, coils, *matrix))
    assert_adjoint(A.coil_kspace, A.combine, (*batch, sets, *matrix), (*batch, coils, *matrix))


@every_axes
@given(shape=SHAPES, batch=BATCHES)
def test_compiled_loops_equal_torch(axes: tuple[int, ...], shape: tuple[int, ...], batch: tuple[int, ...]) -> None:
    sets, _, *matrix = shape
    double = random_encoding(shape, axes, batch)
    A = replace(double, sens_maps=double.sens_maps.to(torch.complex64))
    image = random_kspace(*batch, sets, *matrix, seed=4)
    assert kernels(encoding.LOOPS, A.sens_maps, image) is not None
    assert encoding_loops.fits(A.sens_maps, image)
    assert_close(A.normal(image).to(torch.complex128), double.normal(image.to(torch.complex128)))
    compiled = A.coil_kspace(image)
    with torch_only():
        assert_close(compiled, A.coil_kspace(image))
    assert_close(A.coil_kspace(image.conj()), A.coil_kspace(image.conj().resolve_conj()))


def assert_close(result: torch.Tensor, expected: torch.Tensor) -> None:
    assert (result - expected).norm() < 1e-6 * expected.norm()


def test_maps_that_are_not_whole_rows_are_left_to_torch() -> None:
    A = random_encoding((1, 4, 12, 16), ALONG_PHASE)
    maps = A.sens_maps.to(torch.complex64)
    image = random_kspace(1, 12, 16, seed=4)
    turned = replace(A, sens_maps=maps.mT.contiguous().mT)
    assert not encoding_loops.fits(turned.sens_maps, image)
    assert_close(turned.normal(image), replace(A, sens_maps=maps).normal(image))


def test_gradient_reaches_the_image_through_the_operator() -> None:
    A = random_encoding((2, 4, 12, 16), ALONG_PHASE)
    A = replace(A, sens_maps=A.sens_maps.to(torch.complex64))
    image = random_kspace(2, 12, 16, seed=4).requires_grad_()
    (gradient,) = torch.autograd.grad(A.forward(image).abs().square().sum() / 2, image)
    assert_close(gradient, A.normal(image.detach()))


@every_axes
@given(shape=SHAPES, batch=BATCHES)
def test_the_normal_operator_is_the_adjoint_of_the_operator_after_it(
    axes: tuple[int, ...], shape: tuple[int, ...], batch: tuple[int, ...]
) -> None:
    sets, _, *matrix = shape
    A = random_encoding(shape, axes, batch)
    image = random_kspace(*batch, sets, *matrix, dtype=torch.complex128)
    torch.testing.assert_close(A.normal(image), A.adjoint(A.forward(image)))


@every_axes
def test_slices_of_a_batch_do_not_mix(axes: tuple[int, ...]) -> None:
    A = random_encoding((2, 3, 9, 10), axes, (3,))
    images = random_kspace(3, 2, 9, 10, dtype=torch.complex128)
    for number, image in enumerate(images):
        alone = Encoding(A.sens_maps[number], A.mask[number], axes)
        torch.testing.assert_close(A.forward(images)[number], alone.forward(image))
        torch.testing.assert_close(A.normal(images)[number], alone.normal(image))


def test_an_empty_set_of_maps_changes_nothing() -> None:
    A = random_encoding((1, 3, 9, 10), ALONG_PHASE)
    padded = Encoding(torch.cat([A.sens_maps, torch.zeros_like(A.sens_maps)]), A.mask, A.axes)
    image = random_kspace(2, 9, 10, dtype=torch.complex128)
    torch.testing.assert_close(padded.forward(image), A.forward(image[:1]))
    torch.testing.assert_close(padded.normal(image)[:1], A.normal(image[:1]))
    assert not padded.normal(image)[1].any()


@pytest.mark.parametrize("matrix", [(16, 14), (15, 13)])
def test_in_centred_order_the_operator_is_sigpys(matrix: tuple[int, int]) -> None:
    A = random_encoding((1, 4, *matrix), ALONG_BOTH)
    image = random_kspace(1, *matrix, seed=5, dtype=torch.complex128)

    def centred(values: torch.Tensor) -> torch.Tensor:
        return torch.fft.fftshift(values, dim=ALONG_BOTH)

    weights = centred(A.mask[0]).double().numpy()
    theirs = Sense(centred(A.sens_maps[0]).numpy(), weights=weights) * centred(image[0]).numpy()
    torch.testing.assert_close(centred(A.forward(image)), torch.from_numpy(theirs))


def test_a_mask_along_phase_leaves_the_readout_transform_out_without_changing_anything() -> None:
    A = random_encoding((1, 4, 12, 14), ALONG_PHASE)
    both = Encoding(A.sens_maps, A.mask.expand(1, 12, 14), ALONG_BOTH)
    image = random_kspace(1, 12, 14, dtype=torch.complex128)
    torch.testing.assert_close(both.normal(image), A.normal(image))
