import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from helpers.scans.slices import random_kspace
from recon.fourier import fft, ifft
from recon.solvers.measured import Measured

SIZES = st.integers(1, 21)


def line_samples(readout: int, phase: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    kspace = random_kspace(2, 3, readout, phase, seed=seed, dtype=torch.complex128)
    return kspace, torch.rand(1, 1, 1, phase, generator=generator) < 0.5


@settings(deadline=None)  # the first transform of a size plans it
@given(readout=SIZES, phase=SIZES, seed=st.integers(0, 9), spelled_out=st.booleans())
def test_images_are_those_of_the_centred_transform(readout: int, phase: int, seed: int, spelled_out: bool) -> None:
    kspace, lines = line_samples(readout, phase, seed)
    points = torch.rand(1, 1, readout, phase, generator=torch.Generator().manual_seed(seed)) < 0.5
    measured = Measured.of(kspace, points if spelled_out else lines)
    torch.testing.assert_close(measured.image(measured.samples), ifft(kspace))


@settings(deadline=None)  # the first transform of a size plans it
@given(readout=SIZES, phase=SIZES, seed=st.integers(0, 9), spelled_out=st.booleans())
def test_masking_in_this_space_is_masking_kspace(readout: int, phase: int, seed: int, spelled_out: bool) -> None:
    kspace, mask = line_samples(readout, phase, seed)
    if spelled_out:
        mask = torch.rand(1, 1, readout, phase, generator=torch.Generator().manual_seed(seed)) < 0.5
    measured = Measured.of(kspace, mask)
    image = random_kspace(2, 3, readout, phase, seed=seed + 1, dtype=torch.complex128)
    masked = measured.image(torch.where(measured.mask, measured.kspace(image), 0))
    torch.testing.assert_close(masked, ifft(torch.where(mask, fft(image), 0)))


@pytest.mark.parametrize("shape", [(1, 2, 6, 8), (1, 2, 5, 7)])
def test_kspace_and_image_are_each_others_adjoint_and_inverse(shape: tuple[int, ...]) -> None:
    for mask in (torch.ones(1, 1, 1, shape[-1]), torch.rand(1, 1, *shape[-2:])):
        measured = Measured.of(random_kspace(*shape, dtype=torch.complex128), mask > 0.5)
        assert_adjoint(measured.kspace, measured.image, shape, shape)
        image = random_kspace(*shape, dtype=torch.complex128)
        torch.testing.assert_close(measured.image(measured.kspace(image)), image)


def test_only_the_axes_along_which_the_mask_varies_are_left_to_transform() -> None:
    kspace = random_kspace(1, 2, 6, 8)
    lines = torch.arange(8).reshape(1, 1, 1, 8) % 2 == 0
    assert Measured.of(kspace, lines).axes == (-1,)
    assert Measured.of(kspace, lines.expand(1, 1, 6, 8)).axes == (-1,)
    points = lines.expand(1, 1, 6, 8).clone()
    points[..., 3, 1] = True
    assert Measured.of(kspace, points).axes == (-2, -1)
