"""Score variants on scans."""

import numpy as np
import pytest

from recon.experiments.benchmark.ablation.scoring import fine_detail


def test_detail_is_zero_for_the_target_and_falls_with_the_energy_of_what_is_fine() -> None:
    target = np.random.default_rng(0).normal(size=(2, 32, 24)).astype(np.float32)
    assert fine_detail(target, target) == 0
    assert fine_detail(target, target / 2) == pytest.approx(-6.02, abs=0.01)
    coarse = np.repeat(np.repeat(target[:, ::4, ::4], 4, axis=1), 4, axis=2)
    assert fine_detail(target, coarse.astype(np.float32)) < -3
