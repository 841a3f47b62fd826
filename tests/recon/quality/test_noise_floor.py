from dataclasses import replace

import pytest
import torch

from helpers.scans.objects import discs, object_acquisition, padded
from helpers.scans.slices import line_mask, random_kspace
from recon.classical.compressed_sensing import CSWavelet
from recon.classical.sense import Sense
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition
from recon.quality.noise_floor import acquired_share, full_scan_floor, with_noise_floor

SIGMA = 0.05
MASK = line_mask(120, center=24)[0, 0, 0]
AIR = discs(128, 120) < 1e-3


def scan(coils: int = 8) -> Acquisition:
    return object_acquisition(coils, 128, 120, noise=SIGMA)


def mean_power(image: torch.Tensor) -> float:
    return float(image[AIR].square().mean())


def test_a_zero_filled_image_gets_the_noise_power_of_the_lines_left_out() -> None:
    silent = replace(scan(), kspace=SIGMA * random_kspace(8, 128, 120)).undersample(MASK)
    image = ZeroFilled()(silent)
    added = with_noise_floor(image, silent).square() - image.square()
    expected = 8 * SIGMA**2 * (1 - MASK.float().mean())
    torch.testing.assert_close(added, expected.expand_as(added), rtol=0.15, atol=0)


def test_the_image_of_a_full_scan_gets_next_to_nothing() -> None:
    image = ZeroFilled()(scan())
    assert with_noise_floor(image, scan()).square().sub(image.square()).mean() < 0.05 * 8 * SIGMA**2


@pytest.mark.parametrize("coils", [1, 4, 12])
def test_air_becomes_as_bright_as_in_the_full_scan_whatever_made_it(coils: int) -> None:
    full = scan(coils)
    under, wanted = full.undersample(MASK), mean_power(ZeroFilled()(full))
    images = [Sense()(under), CSWavelet()(under), discs(128, 120), torch.zeros(128, 120)]
    for image in images:
        assert mean_power(with_noise_floor(image, under)) == pytest.approx(wanted, rel=0.25)


def test_an_image_that_has_the_floor_already_stays_as_it_is() -> None:
    under, noisy = scan().undersample(MASK), 1.2 * ZeroFilled()(scan())
    assert torch.equal(with_noise_floor(noisy, under), noisy)


def test_what_is_bright_is_hardly_changed() -> None:
    under = scan().undersample(MASK)
    image = Sense()(under)
    bright = discs(128, 120) > 0.9
    assert (with_noise_floor(image, under)[bright] / image[bright]).max() < 1.03


def test_the_noise_scan_sets_the_floor() -> None:
    under = replace(scan(), noise=3 * random_kspace(8, 1, 10_000)[:, 0]).undersample(MASK)
    assert full_scan_floor(under) == pytest.approx(72, rel=0.05)


def test_padding_and_what_the_scanner_left_empty_bring_no_noise() -> None:
    full = scan()
    assert acquired_share(padded(full, 180)) == pytest.approx(120 / 180)
    kspace = full.kspace.clone()
    kspace[:, :32] = 0
    assert acquired_share(replace(full, kspace=kspace)) == pytest.approx(0.75)
    points = torch.rand(128, 120, generator=torch.Generator().manual_seed(0)) < 0.3
    points[5] = False
    assert acquired_share(full.undersample(points)) == 1


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_floor_scales_with_the_scan(scale: float) -> None:
    under = scan().undersample(MASK)
    image = ZeroFilled()(under)
    scaled = with_noise_floor(scale * image, replace(under, kspace=scale * under.kspace))
    torch.testing.assert_close(scaled / scale, with_noise_floor(image, under), rtol=1e-3, atol=0)
