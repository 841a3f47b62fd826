"""Interpolation by zero filling is recognised, and undone without loss."""

import pytest
import torch

from helpers.scans.objects import discs
from recon.quality.interpolation import measured_size, resample

NOISE = torch.randn(64, 60, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(128, 120), (96, 60), (64, 100), (64, 60)])
def test_the_measured_size_is_where_the_power_of_kspace_drops(size: tuple[int, int]) -> None:
    found = measured_size(resample(1 + discs(64, 60) + 0.02 * NOISE, size).abs())
    assert found[0] == pytest.approx(64, abs=2)
    assert found[1] == pytest.approx(60, abs=2)


def test_an_image_without_noise_is_not_taken_for_interpolated() -> None:
    assert measured_size(discs(128, 120)) == (128, 120)


def test_resampling_back_loses_nothing() -> None:
    image = discs(63, 59) + NOISE[:63, :59]
    torch.testing.assert_close(resample(resample(image, (127, 90)), (63, 59)), image, atol=1e-4, rtol=1e-4)
    assert float(resample(torch.ones(20, 20), (41, 30)).mean()) == pytest.approx(1)
