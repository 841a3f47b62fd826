"""Gain removes noise in proportion to its map, as much as lowers the error, and nothing else."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.scans.objects import discs, object_acquisition, padded
from recon.data.acquisition import Acquisition
from recon.postprocessing.gain import Gain, noise_support
from recon.postprocessing.multi_wavelet import denoise
from recon.quality.noise_map import noise_map
from recon.registry import create


def g_factor_map(rows: int, columns: int) -> Tensor:
    """Noise that is three times as large in the middle as at the sides."""
    across = torch.linspace(-1, 1, columns)
    return 0.05 * (1 + 2 * torch.exp(-((across / 0.3) ** 2))).expand(rows, columns)


def textured(rows: int, columns: int, grain: float = 0.0) -> Tensor:
    """Discs with a smooth phase and a texture of single pixels."""
    down, across = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    grains = 1 + grain * torch.randn(rows, columns, generator=torch.Generator().manual_seed(7))
    return torch.polar(discs(rows, columns).clamp(min=0) * grains.clamp(min=0), 0.5 * down + across)


def noisy(image: Tensor, deviation: Tensor, seed: int, support: Tensor | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(100 + seed)
    white = torch.randn(image.shape, generator=generator, dtype=torch.complex64) * math.sqrt(2)
    if support is not None:
        white = torch.fft.ifft2(torch.fft.fft2(white) * support) / support.float().mean().sqrt()
    return image + deviation * (white if image.is_complex() else white.real)


def scan(rows: int, columns: int) -> Acquisition:
    return object_acquisition(1, rows, columns)


def test_strength_zero_is_the_identity_and_so_is_an_image_without_noise() -> None:
    image, deviation = textured(40, 50), g_factor_map(40, 50)
    torch.testing.assert_close(Gain(strength=0)(image, deviation, scan(40, 50)), image, rtol=0, atol=0)
    torch.testing.assert_close(Gain()(image, 0 * deviation, scan(40, 50)), image, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("is_complex", "cut", "within"), [(True, False, 0.02), (True, True, 0.02), (False, False, 0.05)]
)
def test_the_estimated_risk_is_the_true_error(is_complex: bool, cut: bool, within: float) -> None:
    """The true error is taken for the expected power of the noise: no estimate can know that of a single draw."""
    truth = textured(192, 180, grain=0.2)
    truth = truth if is_complex else truth.abs()
    deviation, support = g_factor_map(192, 180), None
    if cut:  # as after zero filling: no noise beyond half the width of k-space
        support = (torch.fft.fftfreq(180).abs() < 0.25).expand(192, 180)
    expected = (2 if is_complex else 1) * deviation.square().mean()
    error = risk = 0.0
    for seed in range(4):
        image = noisy(truth, deviation, seed, support)
        denoised = denoise(image, deviation, support)
        error += float((denoised.image - truth).abs().square().mean())
        risk += denoised.risk + float(expected - (image - truth).abs().square().mean())
    assert risk == pytest.approx(error, rel=within)


def test_most_noise_is_removed_and_less_error_is_left_with_the_map_than_with_its_mean() -> None:
    truth, deviation = textured(128, 128), g_factor_map(128, 128)
    image = noisy(truth, deviation, 0)
    informed = Gain()(image, deviation, scan(128, 128))
    mean = deviation.square().mean().sqrt().expand(128, 128)
    ignorant = Gain()(image, mean, scan(128, 128))
    assert (informed - truth).norm() < 0.4 * (image - truth).norm()
    assert (informed - truth).norm() < 0.9 * (ignorant - truth).norm()


def test_what_is_removed_is_flat_in_units_of_the_noise() -> None:
    truth, deviation = torch.ones(128, 128) + 0j, g_factor_map(128, 128)
    removed = []
    for seed in range(4):
        image = noisy(truth, deviation, seed)
        removed.append((image - Gain()(image, deviation, scan(128, 128))) / deviation)
    spread = torch.stack(removed).abs().square().mean((0, 1)).sqrt()
    high, low = spread[52:76].mean(), torch.cat([spread[:24], spread[-24:]]).mean()
    assert float(high / low) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("factor", [1e-7, 1e7])
def test_units_do_not_matter(factor: float) -> None:
    deviation = g_factor_map(64, 60)
    image = noisy(textured(64, 60), deviation, 0)
    scaled = Gain()(factor * image, factor * deviation, scan(64, 60))
    torch.testing.assert_close(scaled / factor, Gain()(image, deviation, scan(64, 60)), rtol=1e-3, atol=1e-4)


def test_more_strength_removes_more() -> None:
    deviation = g_factor_map(64, 60)
    image = noisy(textured(64, 60), deviation, 0)
    removed = [float((image - Gain(strength)(image, deviation, scan(64, 60))).norm()) for strength in (0.3, 1, 2)]
    assert removed == sorted(removed)
    assert removed[0] < 0.9 * removed[1]


def test_an_edge_neither_moves_nor_rings() -> None:
    columns = torch.arange(96)
    truth = (((columns >= 24) & (columns < 72)).float() + 0.5).expand(96, 96) + 0j
    deviation = torch.full((96, 96), 0.05)
    images = [noisy(truth, deviation, seed) for seed in range(8)]
    profile = torch.stack([Gain()(image, deviation, scan(96, 96)).real.mean(0) for image in images]).mean(0)
    assert (profile - truth[0].real).abs().max() < 0.03
    middle = (columns * (profile - 0.5)).sum() / (profile - 0.5).sum()
    assert float(middle) == pytest.approx(47.5, abs=0.02)


def test_odd_sizes_and_turned_images_are_denoised_alike() -> None:
    deviation = g_factor_map(63, 61)
    image = noisy(textured(63, 61), deviation, 0)
    denoised = Gain()(image, deviation, scan(63, 61))
    turned = Gain()(image.T, deviation.T, scan(61, 63))
    assert (denoised - turned.T).norm() < 0.05 * denoised.norm()
    assert (denoised - textured(63, 61)).norm() < 0.6 * (image - textured(63, 61)).norm()


def test_padding_holds_no_noise() -> None:
    full = object_acquisition(4, 32, 30)
    assert noise_support(full, torch.zeros(32, 30)).all()
    wide = padded(full, 60)
    support = torch.fft.fftshift(noise_support(wide, torch.zeros(32, 60)))
    first, last = wide.header.padding
    assert torch.equal(support.all(0), (torch.arange(60) >= first) & (torch.arange(60) < last))


def test_behind_sense_the_error_falls() -> None:
    scan = object_acquisition(noise=0.05)
    full = replace(scan, noise=0.05 * torch.randn(6, 4096, generator=torch.Generator(), dtype=torch.complex64))
    sense, gain = create("sense")(full), create("sense+gain")(full)
    inside = full.target > 0.2
    assert (gain - full.target)[inside].norm() < 0.7 * (sense - full.target)[inside].norm()


def test_the_noise_map_behind_gain_is_lower_and_strength_zero_changes_none() -> None:
    scan = object_acquisition(noise=0.05)
    inside = scan.target > 0.2
    before, after = (
        noise_map(create("zero-filled+gain", {"gain.strength": strength}), scan, replicas=8)[inside].mean()
        for strength in (0, 1)
    )
    plain = noise_map(create("zero-filled"), scan, replicas=8)[inside].mean()
    assert float(before / plain) == pytest.approx(1, abs=0.1)
    assert after < 0.8 * before
