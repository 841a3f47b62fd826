from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.special import gammaincinv
from torch import Tensor

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask, random_kspace
from recon.calibration.air import CONFIDENCE, _interval, air_samples
from recon.calibration.noise import air_variance, covariance_of_noise, mix_coils, noise_variance
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import sample_mask
from recon.fourier import fft, ifft
from recon.simulation.raw_files import SimulatedVolume, simulate_volume

SHAPE = (160, 128)


@cache
def head(coils: int, snr: float) -> SimulatedVolume:
    return simulate_volume(SHAPE, 1, coils, snr, np.random.default_rng((3, coils)))


def level_ratio(volume: SimulatedVolume, mask: Tensor, found: Tensor | None = None) -> float:
    kspace = torch.where(mask, torch.from_numpy(volume.kspace[0]), 0)
    variance = air_variance(kspace, mask) if found is None else found
    return float((variance.mean() / 2).sqrt()) / volume.noise


def points(acceleration: float, rectangle: int) -> Tensor:
    """A mask of random points, denser at the centre, about a fully sampled rectangle."""
    generator = np.random.default_rng(0)
    rows, columns = (np.linspace(-1, 1, size) for size in SHAPE)
    density = np.clip(1 - np.hypot(rows[:, None], columns) / 1.2, 0.05, 1) ** 2
    share = (np.prod(SHAPE) / acceleration - rectangle**2) / density.sum()
    mask = generator.random(SHAPE) < share * density
    top, left = ((size - rectangle) // 2 for size in SHAPE)
    mask[top : top + rectangle, left : left + rectangle] = True
    return torch.from_numpy(mask)


@pytest.mark.parametrize("acceleration", [1, 4, 8])
@pytest.mark.parametrize("kind", [MaskKind.RANDOM, MaskKind.EQUISPACED])
@pytest.mark.parametrize("coils", [1, 4, 8, 16, 32])
def test_the_level_is_within_a_tenth_from_low_to_high_snr(coils: int, kind: MaskKind, acceleration: int) -> None:
    mask = sample_mask(kind, SHAPE[1], acceleration, 0.32 / acceleration, 0)
    assert [level_ratio(head(coils, snr), mask) for snr in (5, 50, 500)] == pytest.approx([1, 1, 1], abs=0.1)


@pytest.mark.parametrize("snr", [5, 50, 500])
@pytest.mark.parametrize(("coils", "tolerance"), [(1, 0.4), (4, 0.25), (8, 0.2), (16, 0.12), (32, 0.1)])
def test_a_mask_of_points_shows_the_level_in_its_rectangle(coils: int, tolerance: float, snr: float) -> None:
    assert level_ratio(head(coils, snr), points(4, 32)) == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("prepare", ["oversampled", "filtered", "zero-filled"])
def test_what_scanners_do_to_the_readout_does_not_matter(prepare: str) -> None:
    volume, mask = head(8, 50), sample_mask(MaskKind.RANDOM, SHAPE[1], 4, 0.08, 0)
    kspace = torch.from_numpy(volume.kspace[0])
    if prepare == "oversampled":  # twice the field of view, whose ends the scanner's filter attenuates
        wide = torch.nn.functional.pad(ifft(kspace, (-2,)), (0, 0, SHAPE[0] // 2, SHAPE[0] // 2))
        outside = wide == 0
        wide = torch.where(outside, 2**0.5 * volume.noise * random_kspace(*wide.shape), wide)
        ramp = torch.linspace(0, 1, 2 * SHAPE[0]).sub(0.5).abs().mul(-10).add(5).clamp(max=1)
        kspace = fft(wide * ramp[:, None], (-2,))
    if prepare == "filtered":
        end = torch.arange(SHAPE[0]).sub(SHAPE[0] // 2).abs() / (SHAPE[0] / 2)
        kspace = kspace * (1 - (end - 0.8).clamp(min=0) * 4)[:, None]
    if prepare == "zero-filled":
        kspace = torch.where(torch.arange(SHAPE[0])[:, None] < SHAPE[0] // 4, 0, kspace)
    found = air_variance(torch.where(mask, kspace, 0), mask)
    assert level_ratio(volume, mask, found) == pytest.approx(1, abs=0.1)


def test_correlated_channels_of_different_gain_keep_their_covariance() -> None:
    volume = head(8, 500)
    noiseless = torch.from_numpy(volume.sens_maps[0] * volume.image[0]).to(torch.complex64)
    mixture = random_kspace(8, 8, seed=7)
    psi = (mixture @ mixture.mH / 8 + 0.3 * torch.eye(8)) * 2 * volume.noise**2
    noise = mix_coils(torch.linalg.cholesky(psi), random_kspace(8, *SHAPE))
    mask = sample_mask(MaskKind.RANDOM, SHAPE[1], 4, 0.08, 0)
    samples = air_samples(torch.where(mask, fft(noiseless) + noise, 0), mask)
    assert (covariance_of_noise(samples) - psi).norm() < 0.15 * psi.norm()


def test_lines_with_spikes_do_not_count() -> None:
    volume, mask = head(4, 50), torch.ones(SHAPE[1], dtype=torch.bool)
    kspace = torch.from_numpy(volume.kspace[0]).clone()
    kspace[:, 31, 5::40] += 1e4 * volume.noise
    assert level_ratio(volume, mask, air_variance(kspace, mask)) == pytest.approx(1, abs=0.1)


def test_a_silent_channel_has_no_noise() -> None:
    full = object_acquisition(4, noise=0.1)
    kspace = full.kspace.clone()
    kspace[2] = 0
    found = air_variance(kspace, full.mask)
    assert found[2] == 0
    torch.testing.assert_close(found[[0, 1, 3]], torch.full((3,), 0.01), rtol=0.2, atol=0)
    assert not air_variance(torch.zeros_like(kspace), full.mask).any()
    assert not air_variance(kspace, torch.zeros_like(full.mask)).any()


def test_the_scale_of_kspace_does_not_matter() -> None:
    full = object_acquisition(4, noise=0.1)
    for scale in (1e-7, 1e7):
        scaled = air_variance(full.kspace * scale, full.mask) / scale**2
        torch.testing.assert_close(scaled, air_variance(full.kspace, full.mask), rtol=1e-3, atol=0)


def test_the_noise_scan_comes_first() -> None:
    full = object_acquisition(4, noise=0.1)
    scan = 3 * random_kspace(4, 1, 50_000)[:, 0]
    torch.testing.assert_close(noise_variance(replace(full, noise=scan)), torch.full((4,), 9.0), rtol=0.05, atol=0)


def test_slices_of_a_batch_have_the_noise_that_they_have_alone() -> None:
    """They differ in mask, in rows left at zero, in a silent coil; one is empty."""
    kspace = random_kspace(5, 4, 96, 60) + 40 * object_acquisition(4, 96, 60).kspace
    masks = torch.cat([line_mask(60, center=10, batch=3), line_mask(60, center=6, every=3, batch=2)])[:, 0]
    kspace = torch.where(masks.unsqueeze(1), kspace, 0)
    kspace[1, :, :8], kspace[2, 3], kspace[4] = 0, 0, 0
    together = air_variance(kspace, masks)
    alone = torch.stack([air_variance(*one) for one in zip(kspace, masks, strict=True)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=0)
    assert not together[4].any()
    assert not together[2, 3]


@pytest.mark.parametrize("count", [1.0, 1.5, 7.0, 90.0, 4000.0])
def test_the_interval_of_noise_holds_that_of_the_gamma_distribution(count: float) -> None:
    exact = gammaincinv(count, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2, 0.5]) / count
    torch.testing.assert_close(_interval(torch.tensor([count]))[0], torch.tensor(exact).float())


@pytest.mark.parametrize("coils", [8, 32])
def test_an_object_that_leaves_no_air_is_not_taken_for_noise(coils: int) -> None:
    volume = head(coils, 50)
    rows = slice(SHAPE[0] * 3 // 8, SHAPE[0] * 5 // 8)  # all of them inside the head
    kspace = fft(ifft(torch.from_numpy(volume.kspace[0]))[:, rows])
    mask = sample_mask(MaskKind.EQUISPACED_FRACTION, SHAPE[1], 4, 0.08, 0)
    found = air_variance(torch.where(mask, kspace, 0), mask)
    assert level_ratio(volume, mask, found) < 3
