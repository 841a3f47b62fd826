"""The measure of fine detail: blind to noise in the target and in the air, not to blur, noise or invented texture."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage

from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.experiments.engine.scores.detail import FINE, TargetDetail, fine_detail, near_foreground, target_detail
from recon.fourier import ifft
from recon.simulation.raw_files import simulate_volume

SHAPE = (128, 112)


@dataclass(frozen=True, eq=False)
class Scan:
    """A volume of one slice in memory."""

    acquisition: Acquisition

    def __len__(self) -> int:
        return 1

    def read(self, index: int) -> Acquisition:
        del index
        return self.acquisition


@cache
def head(snr: float) -> TargetDetail:
    volume = simulate_volume(SHAPE, 1, 6, snr, np.random.default_rng(3))
    kspace = torch.from_numpy(volume.kspace[0])
    mask = torch.ones(SHAPE[1], dtype=torch.bool)
    scan = Acquisition(kspace, mask, volume.header, rss(ifft(kspace)), name="head.h5", slice=0)
    return target_detail(Scan(scan), volume.target)


def with_detail_times(images: np.ndarray, factor: float) -> np.ndarray:
    spectrum = np.fft.fft2(images)
    beyond = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, images.shape[1:]), indexing="ij")) >= FINE
    return np.fft.ifft2(np.where(beyond, factor * spectrum, spectrum)).real.astype(np.float32)


@pytest.mark.parametrize("factor", [0.5, 0.9, 2.0])
def test_detail_that_is_too_weak_or_too_strong_shows_in_decibels(factor: float) -> None:
    reference = head(1000)
    scores = reference.score(with_detail_times(reference.target, factor))
    assert scores.energy == pytest.approx(20 * np.log10(factor), abs=0.15)
    assert scores.correlation > 0.99


@pytest.mark.parametrize("snr", [30, 40, 100])
def test_the_noise_of_the_target_does_not_count(snr: float) -> None:
    assert head(snr).score(head(1000).target).energy == pytest.approx(0, abs=0.5)
    noisy = head(snr).score(head(snr).target)
    assert 0 < noisy.energy < 1
    assert noisy.correlation == pytest.approx(1)


def test_the_energy_of_the_noise_is_that_which_more_noise_adds() -> None:
    quiet, loud = head(1000), head(30)
    added = fine_detail(loud.target - quiet.target)[loud.inside]
    assert 10 * np.log10(np.square(added).sum() / loud.noise) == pytest.approx(0, abs=0.5)


def test_texture_that_is_not_the_targets_has_energy_but_no_correlation() -> None:
    reference = head(1000)
    smooth = with_detail_times(reference.target, 0)
    texture = np.random.default_rng(0).standard_normal(smooth.shape, dtype=np.float32)
    energies = [np.square(fine_detail(image)[reference.inside]).sum() for image in (reference.target, texture)]
    invented = smooth + texture * np.sqrt(energies[0] / energies[1]).astype(np.float32)
    scores = reference.score(invented)
    assert scores.energy == pytest.approx(0, abs=0.5)
    assert abs(scores.correlation) < 0.15


def test_the_air_does_not_count() -> None:
    reference = head(1000)
    air = ~ndimage.binary_dilation(reference.inside, np.ones((1, 3, 3)), iterations=4)
    noise = 0.2 * reference.target.max() * np.random.default_rng(0).random(air.shape, dtype=np.float32)
    inside, outside = (reference.score(reference.target + noise * where).energy for where in (~air, air))
    assert outside == pytest.approx(0, abs=0.05)
    assert inside > 1


def test_scores_do_not_depend_on_the_scale() -> None:
    reference, image = head(40), with_detail_times(head(40).target, 0.7)
    scaled = TargetDetail(
        reference.volume, reference.target * 2**20, reference.inside, reference.noise * 2**40
    ).score(image * 2**20)
    assert scaled == reference.score(image)


def test_there_is_no_score_where_the_target_holds_little_but_noise_or_nothing() -> None:
    assert np.isnan(head(4).score(head(4).target).energy)
    empty = np.zeros((1, *SHAPE), np.float32)
    assert np.isnan(TargetDetail(head(40).volume, empty, near_foreground(empty), 0.0).score(empty).energy)


def test_an_image_without_any_detail_has_none() -> None:
    scores = head(100).score(np.zeros((1, *SHAPE), np.float32))
    assert (scores.energy, scores.correlation) == (-np.inf, 0)
