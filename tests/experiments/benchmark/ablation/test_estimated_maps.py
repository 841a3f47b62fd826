"""Estimate maps again from a reconstruction."""

import pytest
import torch

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.experiments.benchmark.ablation.estimated_maps import MapsFromStart, estimate_maps
from recon.models.networks.general_varnet import GeneralVarNet, least_squares
from recon.models.networks.kspace_network import UndersampledBatch


def batch(center: int, every: int) -> UndersampledBatch:
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=center, every=every)
    return UndersampledBatch(torch.where(mask, full.kspace[None], 0), mask)


def test_a_full_scan_gives_the_same_coil_images_through_maps_estimated_again() -> None:
    problem = least_squares(batch(center=60, every=1))
    before = problem.encoding.adjoint(problem.measured)
    found, image = estimate_maps(problem, before)
    coils = [torch.fft.ifft(one.encoding.coil_kspace(x)) for one, x in ((problem, before), (found, image))]
    assert (coils[1] - coils[0]).norm() < 0.05 * coils[0].norm()


@pytest.mark.parametrize("center", [4, 6])
def test_with_few_calibration_lines_the_start_gains(center: int) -> None:
    scan, target = batch(center, every=4), object_acquisition().target
    assert target is not None
    errors = []
    for kind in (GeneralVarNet, MapsFromStart):
        torch.manual_seed(0)
        with torch.no_grad():
            errors.append((kind().eval().image(scan)[0] - target).norm())
    assert errors[1] < errors[0]
