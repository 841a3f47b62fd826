"""Checks that images keep their placement in the stream."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.programs.streams import make_readout
from helpers.scans.stacks import oblique_geometry
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.images.placement import stack
from recon.data.stream.images import image_message, stack_images
from recon.data.stream.messages import Image, make_image
from recon.data.stream.scan import Finished


def finished(header: Header, matrix: tuple[int, int]) -> Finished:
    acquisition = Acquisition(torch.zeros(1, *matrix), torch.ones(matrix[1], dtype=torch.bool), header)
    return Finished(acquisition, make_readout(np.zeros((1, 4), np.complex64), slice=3, measurement_uid=9).head)


@given(readout=st.integers(4, 9), phase=st.integers(4, 9), cut=st.integers(0, 3), seed=st.integers(0, 9))
def test_the_placement_survives_the_stream(readout: int, phase: int, cut: int, seed: int) -> None:
    matrix, shape = (readout, phase), (readout - cut, phase - cut)
    header = Header(
        crop=shape, padding=(0, phase), geometry=oblique_geometry(1, seed), encoded_field_of_view=(90.0, 60.0)
    )
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    wanted = stack(image[None], header, matrix)
    found = stack_images([image_message(image, finished(header, matrix), 0, "sense")], "sense")
    assert found.oriented
    np.testing.assert_array_equal(found.images, wanted.images)
    for name in ("corner", "down", "across", "normal", "thickness"):
        np.testing.assert_allclose(
            getattr(found.placements[0], name), getattr(wanted.placements[0], name), atol=1e-3, err_msg=name
        )


def test_an_unknown_placement_stays_unknown() -> None:
    header = Header(crop=(6, 5), padding=(0, 5), field_of_view=(60.0, 40.0), slice_thickness=3.0)
    images = [image_message(np.ones((6, 5), np.float32), finished(header, (6, 5)), index, "") for index in range(2)]
    found = stack_images(images, "")
    assert not found.oriented
    np.testing.assert_allclose(found.placements[1].spacing, (10, 8))
    assert found.placements[0].thickness == 3
    assert not np.allclose(found.placements[0].corner, found.placements[1].corner)


def test_image_numbers_never_repeat() -> None:
    header = Header(crop=(6, 5), padding=(0, 5))
    numbers = [0, 1, 65_534, 65_535, 65_536, 200_000]
    heads = [image_message(np.ones((6, 5), np.float32), finished(header, (6, 5)), n, "").head for n in numbers]
    assert len({(int(head["image_series_index"]), int(head["image_index"])) for head in heads}) == len(numbers)
    assert all(head["slice"] == 3 and head["measurement_uid"] == 9 for head in heads)


def test_images_that_are_not_a_stack_are_refused() -> None:
    one = make_image(np.ones((6, 5), np.float32))
    for images, sentence in [
        ([], "no image"),
        ([one, make_image(np.ones((5, 6), np.float32))], "one size"),
        ([replace(one, pixels=np.ones((2, 1, 5, 6)))], "single slices"),
        ([make_image(np.full((6, 5), np.nan, np.float32))], "NaN"),
        ([Image(one.head, np.ones((1, 1, 0, 0)))], "empty"),
    ]:
        with pytest.raises(InputError, match=sentence):
            stack_images(images, "")
