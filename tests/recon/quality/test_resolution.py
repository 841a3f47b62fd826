"""Bands of k-space and the slanted edge tell what resolution an image has."""

import math
from dataclasses import astuple

import pytest
import torch
from torch import Tensor

from recon.crop import center_crop
from recon.fourier import ifft
from recon.models.networks.postprocessing.sharp import enlarged_kspace
from recon.quality.resolution import bands, frequency_at, slanted_edge_mtf
from recon.simulation.cropped_scans import lowered


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def edge(width: float, angle: float = 5.0, size: int = 64) -> Tensor:
    """A slanted edge blurred by a Gaussian of a standard deviation in pixels."""
    places = torch.arange(size) - size / 2 + 0.3
    slope = math.tan(math.radians(angle))
    distance = (places[None, :] - slope * places[:, None]) * math.cos(math.radians(angle))
    return 1 + torch.special.ndtr(distance / width)


def test_an_equal_image_has_every_band() -> None:
    image = noise(2, 33, 40)
    for band in bands(image, image):
        assert band.error < -200
        assert band.correlation == pytest.approx(1)
        assert band.energy == pytest.approx(0, abs=1e-6)


def test_zeros_around_the_centre_hold_nothing_there_and_all_inside() -> None:
    image = noise(64, 64)
    filled = ifft(enlarged_kspace(lowered(image, (32, 32)), (64, 64)))
    inner, outer = bands(filled, image, (0, 0.5, 1))[0], bands(filled, image, (0.75, 1))[0]
    assert inner.error < -60
    assert outer.error == pytest.approx(0, abs=1e-6)
    assert outer.correlation == pytest.approx(0, abs=1e-3)


def test_unrelated_content_has_energy_but_no_correlation() -> None:
    image, other = noise(64, 64), noise(2, 64, 64)[1]
    (band,) = bands(other, image, (0.5, 1))
    assert band.energy == pytest.approx(0, abs=0.3)
    assert abs(band.correlation) < 0.05
    assert band.error == pytest.approx(3, abs=0.3)


def test_bands_do_not_depend_on_the_scale_of_both() -> None:
    image, target = noise(16, 18), noise(3, 16, 18)[2]
    for one, other in zip(bands(1e6 * image, 1e6 * target), bands(image, target), strict=True):
        assert astuple(one) == pytest.approx(astuple(other), rel=1e-4)


def test_a_band_of_which_the_target_holds_nothing_is_not_scored() -> None:
    (band,) = bands(noise(16, 16), torch.zeros(16, 16), (0, 1))
    assert math.isnan(band.error)


@pytest.mark.parametrize("width", [0.8, 1.5, 2.5])
@pytest.mark.parametrize("angle", [4.0, 8.0])
def test_the_transfer_function_of_a_gaussian_blur_is_the_known_one(width: float, angle: float) -> None:
    frequencies, mtf = slanted_edge_mtf(edge(width, angle))
    expected = torch.exp(-2 * (math.pi * width * frequencies) ** 2)
    low = frequencies < 0.4
    assert (mtf - expected)[low].abs().max() < 0.04
    half = math.sqrt(math.log(2) / 2) / (math.pi * width)
    assert frequency_at(frequencies, mtf) == pytest.approx(half, rel=0.06)


def test_truncated_k_space_cuts_the_transfer_function_off() -> None:
    whole = edge(0.6, size=96)
    framed = torch.cat([whole, whole.flip(1)], dim=1) + 0j  # periodic along the rows
    filled = ifft(enlarged_kspace(lowered(framed, (96, 96)), framed.shape)).real[:, :96]
    frequencies, mtf = slanted_edge_mtf(center_crop(filled, (64, 64)))
    full_frequencies, full = slanted_edge_mtf(center_crop(whole, (64, 64)))
    assert frequency_at(frequencies, mtf) == pytest.approx(0.25, abs=0.03)
    assert float(mtf[frequencies > 0.32].max()) < 0.15
    assert float(full[(full_frequencies > 0.28) & (full_frequencies < 0.3)].min()) > 0.5


def test_brightness_and_direction_of_the_edge_do_not_matter() -> None:
    _, plain = slanted_edge_mtf(edge(1.2))
    for other in (7e5 * edge(1.2), -edge(1.2), edge(1.2).flip(1)):
        torch.testing.assert_close(slanted_edge_mtf(other)[1], plain, rtol=0.02, atol=0.02)


def test_a_region_without_an_edge_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no edge"):
        slanted_edge_mtf(torch.ones(20, 20))


def test_frequencies_beyond_the_band_limit_are_not_found() -> None:
    assert math.isnan(frequency_at(torch.tensor([0.0, 0.1]), torch.tensor([1.0, 0.9])))
