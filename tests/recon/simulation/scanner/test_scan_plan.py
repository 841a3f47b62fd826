import numpy as np
import pytest

from recon.data.masks import MaskKind
from recon.simulation.scanner.scan_plan import MOST_OVERSAMPLING, WIDEST, Ranges, ScanPlan, log_uniform

PLANS = [ScanPlan.draw(Ranges(), np.random.default_rng(seed)) for seed in range(300)]


def test_sampling_lies_within_the_ranges() -> None:
    for plan in PLANS:
        assert 2 <= plan.sampling.acceleration <= 10
        assert 0.03 <= plan.sampling.center_fraction <= 0.16
        assert plan.sampling.center_fraction * plan.sampling.acceleration <= 0.9 + 1e-9
        assert plan.sampling.kind != MaskKind.EQUISPACED or plan.sampling.acceleration.is_integer()


def test_shapes_lie_within_the_ranges_and_are_even() -> None:
    for plan in PLANS:
        assert 96 <= min(plan.readout, plan.phase) <= max(plan.readout, plan.phase) <= 384
        assert 1 <= plan.coils <= 32
        assert plan.readout <= plan.oversampled <= MOST_OVERSAMPLING * plan.readout + 2
        assert plan.phase <= plan.wider <= WIDEST * plan.phase + 2
        assert not any(size % 2 for size in (plan.readout, plan.phase, plan.oversampled, plan.wider))


def test_shape_is_that_of_kspace_and_target() -> None:
    plan = PLANS[0]
    assert plan.shape == (plan.coils, plan.oversampled, plan.phase, plan.readout, plan.phase)


def test_log_uniform_has_the_median_at_the_geometric_mean() -> None:
    rng = np.random.default_rng(0)
    values = [log_uniform((4, 100), rng) for _ in range(4000)]
    assert 4 <= min(values) < max(values) <= 100
    assert np.median(values) == pytest.approx(20, rel=0.08)
