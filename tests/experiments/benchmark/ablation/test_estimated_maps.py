"""Get more out of few calibration lines."""

import pytest
import torch

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.experiments.benchmark.ablation.estimated_maps import ImagePhase, MapsFromStart
from recon.models.networks.general_varnet import GeneralVarNet
from recon.models.networks.kspace_network import UndersampledBatch


def batch(center: int, every: int) -> UndersampledBatch:
    full, mask = object_acquisition(noise=1e-3), line_mask(60, center=center, every=every)
    return UndersampledBatch(torch.where(mask, full.kspace[None], 0), mask)


def error(kind: type[GeneralVarNet], scan: UndersampledBatch) -> float:
    torch.manual_seed(0)
    with torch.no_grad():
        image = kind().eval().image(scan)[0]
    target = object_acquisition().target
    assert target is not None
    return float((image - target).norm() / target.norm())


@pytest.mark.parametrize("center", [4, 6])
def test_maps_estimated_again_make_up_for_few_calibration_lines(center: int) -> None:
    scan = batch(center, every=4)
    assert error(MapsFromStart, scan) < error(GeneralVarNet, scan)


@pytest.mark.parametrize("kind", [ImagePhase, MapsFromStart])
def test_with_many_calibration_lines_little_changes(kind: type[GeneralVarNet]) -> None:
    scan = batch(32, every=3)
    assert error(kind, scan) == pytest.approx(error(GeneralVarNet, scan), rel=0.15)


def test_a_reference_scan_is_not_replaced() -> None:
    scan = batch(4, every=4)
    scan = scan._replace(calibration=torch.where(line_mask(60, center=24, every=61), object_acquisition().kspace, 0))
    assert error(MapsFromStart, scan) == error(GeneralVarNet, scan)
