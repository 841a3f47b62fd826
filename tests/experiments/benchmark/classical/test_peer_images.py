"""Put the measured lines back into coil images."""

import torch

from helpers.scans.slices import random_acquisition, random_kspace
from recon.coils import rss
from recon.experiments.benchmark.classical.peer_images import CoilImages
from recon.fourier import ifft


def test_measured_lines_are_kept_exactly_and_the_others_are_the_estimate() -> None:
    acquisition = random_acquisition(coils=3, readout=33, phase=24)
    estimate = random_kspace(3, 33, 24, seed=1)
    kspace = CoilImages(ifft(estimate), acquisition).consistent_kspace()
    assert torch.equal(kspace[..., acquisition.mask], acquisition.kspace[..., acquisition.mask])
    torch.testing.assert_close(kspace[..., ~acquisition.mask], estimate[..., ~acquisition.mask])


def test_a_consistent_estimate_gives_the_same_image_both_ways() -> None:
    acquisition = random_acquisition(crop=(20, 16))
    estimate = torch.where(acquisition.mask, acquisition.kspace, random_kspace(*acquisition.kspace.shape, seed=1))
    images = CoilImages(ifft(estimate), acquisition)
    torch.testing.assert_close(images.plain(), images.consistent())
    assert images.plain().shape == (20, 16)


def test_without_an_estimate_the_result_is_the_zero_filled_image() -> None:
    acquisition = random_acquisition()
    images = CoilImages(torch.zeros_like(acquisition.kspace), acquisition)
    torch.testing.assert_close(images.consistent(), rss(ifft(acquisition.kspace)))
