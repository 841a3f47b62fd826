from pathlib import Path

import pytest
import torch

from helpers.learned.networks import SMALL
from helpers.scans.objects import object_acquisition, padded
from helpers.scans.slices import line_mask
from recon.classical.compressed_sensing import CSWavelet
from recon.coils import rss
from recon.crop import center_crop, center_pad
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.fourier import ifft
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.kspace_network import UndersampledBatch
from recon.quality.noise_floor import with_noise_floor
from recon.registry import create
from recon.solvers.problem import Problem


def network(map_lines: int = 0) -> GeneralVarNet:
    torch.manual_seed(0)
    return GeneralVarNet(**SMALL["varnet-general"], map_lines=map_lines)


def least_squares(batch: UndersampledBatch) -> Problem:
    return network().begin(batch).problem


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
    ours, theirs = (CSWavelet.rule(one) for one in (problem, Problem.of_slices([scan])))
    torch.testing.assert_close(ours, theirs, rtol=0.01, atol=0)
    expected = start(scan)
    assert (problem.image(start.solve(problem))[0] - expected).norm() < 1e-3 * expected.norm()


def test_lines_that_a_coarse_image_fills_in_make_the_maps_and_the_image_better() -> None:
    full, mask = object_acquisition(coils=6, noise=1e-3), line_mask(60, center=7, every=5)
    batch = UndersampledBatch(torch.where(mask, full.kspace[None], 0), mask)
    from_measured, from_filled = (network(lines).image(batch)[0] for lines in (0, 17))
    assert (from_filled - full.target).norm() < 0.95 * (from_measured - full.target).norm()


def test_enough_measured_lines_are_taken_as_they_are_and_few_are_filled_in_slice_by_slice() -> None:
    full = object_acquisition(coils=4, noise=1e-3)
    masks = torch.cat([line_mask(60, center=center, every=5) for center in (7, 21)])
    batch = UndersampledBatch(torch.where(masks, full.kspace[None], 0), masks)
    together, measured = network(17).begin(batch), network().begin(batch)
    torch.testing.assert_close(together.images[1], measured.images[1])
    few = network(17).begin(UndersampledBatch(batch.masked_kspace[:1], masks[:1]))
    torch.testing.assert_close(
        together.images[0], few.images[0], rtol=1e-3, atol=1e-4 * few.images.abs().max().item()
    )
    assert (few.images[0] - measured.images[0]).abs().max() > 1e-3 * few.images.abs().max()


@pytest.mark.parametrize("name", ["brain_t1_7ch.h5", "brain_t2_4ch.h5", "fruit_8ch.h5"])
def test_weights_that_ship_do_not_lose_to_the_first_estimate(real_data: Path, name: str) -> None:
    full = open_volume(real_data / "kspace" / name).read(0)
    scan = Sampling(MaskKind.EQUISPACED_FRACTION, 4, 0.08)(full)
    errors = {
        method: (with_noise_floor(create(method)(scan), scan) - full.target).norm()
        for method in ("varnet", "cs-wavelet")
    }
    assert errors["varnet"] < 0.95 * errors["cs-wavelet"]
