"""Score variants on scans."""

from typing import Any

import numpy as np
import pytest
import torch

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.experiments.benchmark.ablation.scoring import TrainedVariant, fine_detail
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.models.networks.general_varnet import Start


def test_detail_is_zero_for_the_target_and_falls_with_the_energy_of_what_is_fine() -> None:
    target = np.random.default_rng(0).normal(size=(2, 32, 24)).astype(np.float32)
    assert fine_detail(target, target) == 0
    assert fine_detail(target, target / 2) == pytest.approx(-6.02, abs=0.01)
    coarse = np.repeat(np.repeat(target[:, ::4, ::4], 4, axis=1), 4, axis=2)
    assert fine_detail(target, coarse.astype(np.float32)) < -3


def test_networks_that_start_alike_share_a_start_and_others_do_not() -> None:
    scan = object_acquisition(noise=1e-2).undersample(line_mask(60, center=16)[0, 0, 0])
    starts: dict[tuple[Any, ...], Start] = {}
    kept = []
    for name in ("general", "refined-maps", "from-sense", "two-starts", "two-starts-tv", "general"):
        torch.manual_seed(0)
        network = VARIANTS[name].build().eval()
        image = TrainedVariant(network, starts)(scan)
        torch.testing.assert_close(image, TrainedVariant(network)(scan), rtol=0, atol=0)
        kept.append(len(starts))
    assert kept == [1, 1, 2, 3, 4, 4]
