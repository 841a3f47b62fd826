import pytest
import torch

from helpers.networks import SMALL
from helpers.objects import object_acquisition, padded
from helpers.slices import line_mask, random_kspace
from recon.classical.compressed_sensing import CSWavelet, automatic_lamda
from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.fourier import ifft
from recon.models.networks.general_varnet import GeneralVarNet, least_squares
from recon.models.networks.kspace_network import UndersampledBatch
from recon.solvers.problem import Problem


def network() -> GeneralVarNet:
    torch.manual_seed(0)
    return GeneralVarNet(**SMALL["varnet-general"])


def test_untrained_network_is_as_good_as_its_compressed_sensing_start() -> None:
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
def test_an_image_without_calibration_lines_is_still_reasonable(center: int) -> None:
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


def test_the_noise_floor_adds_the_noise_power_of_the_omitted_lines() -> None:
    torch.manual_seed(0)
    general = GeneralVarNet(**SMALL["varnet-general"], noise_floor=True).eval()
    mask = line_mask(48, center=12)
    full = random_kspace(1, 4, 64, 48)
    with torch.no_grad():
        image = general(torch.where(mask, full, 0), mask)
        without = general.train()(torch.where(mask, full, 0), mask)
    expected = 4 * (1 - mask.float().mean())
    torch.testing.assert_close((image.square() - without.square()).mean(), expected, rtol=0.2, atol=0)


def test_one_mask_may_serve_all_slices_of_a_batch() -> None:
    full, mask = object_acquisition(coils=4), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    alone = least_squares(UndersampledBatch(kspace, mask)).encoding.sens_maps
    torch.testing.assert_close(
        least_squares(UndersampledBatch(kspace.repeat(3, 1, 1, 1), mask)).encoding.sens_maps,
        alone.repeat(3, 1, 1, 1, 1),
    )


def test_the_empty_part_of_a_reference_scan_is_not_used_for_calibration() -> None:
    full, mask = object_acquisition(coils=4), line_mask(60, center=16)
    kspace = torch.where(mask, full.kspace[None], 0)
    reference = center_pad(center_crop(full.kspace, (48, 16)), full.kspace.shape[-2:])[None]
    batches = UndersampledBatch(kspace, mask), UndersampledBatch(kspace, mask, calibration=reference)
    problems = map(least_squares, batches)
    images = [problem.image(CSWavelet(iterations=16).solve(problem)) for problem in problems]
    assert (images[1] - images[0]).norm() < 0.02 * images[0].norm()


def test_the_first_estimate_of_a_padded_scan_is_the_image_of_compressed_sensing() -> None:
    scan = padded(object_acquisition(noise=1e-3).undersample(line_mask(60, center=16)[0, 0, 0]), 90)
    acceleration, start = torch.tensor([scan.acceleration]), network().start
    mask = scan.mask.reshape(1, 1, 1, 90)
    problem = least_squares(UndersampledBatch(scan.kspace[None], mask, acceleration=acceleration))
    ours, theirs = (automatic_lamda(one, 1e-3) for one in (problem, Problem.of_slices([scan])))
    torch.testing.assert_close(ours, theirs, rtol=0.01, atol=0)
    expected = start(scan)
    assert (problem.image(start.solve(problem))[0] - expected).norm() < 1e-3 * expected.norm()
