import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from helpers.scans.objects import smooth_maps
from helpers.scans.slices import random_kspace
from recon.coils import coil_combine, coil_expand, power_of_two, rss


@given(st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(1, 12)))
def test_combining_is_the_adjoint_of_expanding(shape: tuple[int, int, int]) -> None:
    maps = random_kspace(*shape, seed=1, dtype=torch.complex128)
    assert_adjoint(lambda x: coil_expand(x, maps), lambda y: coil_combine(y, maps), shape[1:], shape)


def test_unit_maps_give_back_the_image_and_keep_its_magnitude() -> None:
    maps = smooth_maps(5, 12, 9)
    image = random_kspace(12, 9)
    torch.testing.assert_close(coil_combine(coil_expand(image, maps), maps), image)
    torch.testing.assert_close(rss(coil_expand(image, maps)), image.abs())


def test_a_sample_that_is_not_a_number_is_not_hidden() -> None:
    coil_images = torch.ones(3, 4, 5, dtype=torch.complex64)
    coil_images[1, 2, 3] = torch.nan
    assert rss(coil_images)[2, 3].isnan()
    assert rss(coil_images.real)[2, 3].isnan()


@given(st.floats(2**-90, 2**90, width=32), st.floats(2**-10, 1, width=32))
def test_dividing_by_a_power_of_two_rounds_nothing(largest: float, share: float) -> None:
    values = torch.tensor([largest])
    scale = power_of_two(values)
    assert 1 <= values / scale < 2
    assert math.frexp(scale.item())[0] == 0.5
    sample = values * share
    assert torch.equal(sample / scale * scale, sample)


def test_a_dark_image_keeps_its_scale() -> None:
    assert power_of_two(torch.tensor([0.0, 1.0, 3.0])).tolist() == [1, 1, 2]
