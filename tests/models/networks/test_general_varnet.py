import pytest
import torch

from helpers.networks import SMALL
from helpers.objects import object_acquisition
from helpers.slices import line_mask, random_kspace
from recon.coils import rss
from recon.fourier import ifft
from recon.models.networks.general_varnet import GeneralVarNet


def network() -> GeneralVarNet:
    torch.manual_seed(0)
    return GeneralVarNet(**SMALL["varnet-general"])


def test_fresh_network_is_as_good_as_the_compressed_sensing_that_it_starts_from() -> None:
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=16)
    undersampled = full.undersample(mask[0, 0, 0])
    fresh = network()
    image, start = fresh(undersampled.kspace[None], mask)[0], fresh.start(undersampled)
    assert (image - full.target).norm() < 1.05 * (start - full.target).norm()


def test_silent_coils_change_nothing() -> None:
    full, mask = object_acquisition(coils=4, noise=1e-2), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    silent = torch.cat([kspace, torch.zeros_like(kspace[:, :2])], dim=1)
    image = network()(kspace, mask)
    assert (network()(silent, mask) - image).norm() < 1e-4 * image.norm()


@pytest.mark.parametrize("center", [0, 1, 3])
def test_without_calibration_lines_there_is_still_an_image(center: int) -> None:
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=center, every=3)
    kspace = torch.where(mask, full.kspace[None], 0)
    image = network()(kspace, mask)[0]
    assert image.isfinite().all()
    assert (image - full.target).norm() < 1.2 * (rss(ifft(kspace))[0] - full.target).norm()


def test_a_reference_scan_helps_where_there_are_no_calibration_lines() -> None:
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=0, every=3)
    reference = torch.where(line_mask(60, center=16, every=61), full.kspace[None], 0)
    kspace = torch.where(mask, full.kspace[None], 0)
    with_reference, alone = network()(kspace, mask, calibration=reference), network()(kspace, mask)
    assert (with_reference[0] - full.target).norm() < 0.5 * (alone[0] - full.target).norm()


def test_the_noise_floor_is_what_noise_adds_where_there_is_no_signal() -> None:
    torch.manual_seed(0)
    general = GeneralVarNet(**SMALL["varnet-general"], noise_floor=True).eval()
    mask = line_mask(48, center=12)
    full = random_kspace(1, 4, 64, 48)
    with torch.no_grad():
        image = general(torch.where(mask, full, 0), mask)
        without = general.train()(torch.where(mask, full, 0), mask)
    expected = 4 * (1 - mask.float().mean())
    torch.testing.assert_close((image.square() - without.square()).mean(), expected, rtol=0.2, atol=0)
