"""Images of the viewer are rounded to fine steps, and compressed without any further loss."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from recon.experiments.report.viewer.encoding import LEVELS, compress, quantise


def decompress(content: bytes, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Undo `compress` pixel by pixel, as the viewer's script does."""
    low, high = np.frombuffer(zlib.decompress(content), np.uint8).astype(int).reshape(2, *shape)
    folded, steps = low + 256 * high, np.zeros(shape, int)
    for image, row, column in np.ndindex(*shape):
        left = steps[image, row, column - 1] if column else 0
        above = steps[image, row - 1, column] if row else 0
        between = steps[image, row - 1, column - 1] if row and column else 0
        predicted = sorted((left, above, left + above - between))[1]
        value = folded[image, row, column]
        steps[image, row, column] = (predicted + (-((value + 1) >> 1) if value & 1 else value >> 1)) % 65536
    return steps.astype(np.uint16)


@given(
    arrays(
        np.uint16,
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
        elements=st.integers(0, 65535) | st.sampled_from([0, 1, 65535]),
    )
)
def test_compression_loses_nothing(steps: NDArray[np.uint16]) -> None:
    np.testing.assert_array_equal(decompress(compress(steps), steps.shape), steps)


def test_a_smooth_image_with_noise_becomes_smaller_than_a_byte_per_pixel() -> None:
    rng = np.random.default_rng(0)
    image = np.outer(np.hanning(64), np.hanning(64)) + 0.01 * rng.standard_normal((3, 64, 64))
    assert len(compress(quantise(image, 1.0))) < 0.75 * image.size


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e7])
def test_rounding_is_finer_than_the_eye_and_ignores_the_scale(scale: float) -> None:
    image = np.random.default_rng(0).uniform(0, 3, (2, 9, 8))
    steps = quantise(scale * image, scale)
    np.testing.assert_allclose(steps / LEVELS, image, atol=0.501 / LEVELS)


def test_pixels_that_are_no_numbers_are_black_and_the_brightest_do_not_wrap() -> None:
    np.testing.assert_array_equal(quantise(np.array([np.nan, np.inf, -np.inf, -1.0, 1e9]), 1.0), [0, 0, 0, 0, 65535])
