from dataclasses import replace

import numpy as np
import pytest

from recon.data.masks.kind import MaskKind
from recon.simulation.scanner.scan_plan import MOST_OVERSAMPLING, WIDEST, Ranges, ScanPlan, log_uniform
from recon.simulation.scanner.shares import PLAIN, Shares

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


def test_no_property_is_drawn_whose_share_is_zero() -> None:
    for seed in range(100):
        plan = ScanPlan.draw(Ranges(shares=PLAIN), np.random.default_rng(seed))
        assert (plan.oversampled, plan.wider) == (plan.readout, plan.phase)
        assert (plan.plane, plan.partial, plan.reference, plan.offset) == (None, 1, 0, (0, 0))


def test_properties_come_in_their_shares() -> None:
    shares = Shares()
    drawn = {
        "folded": [plan.wider > plan.phase for plan in PLANS],
        "planes": [plan.plane is not None for plan in PLANS],
        "reference": [plan.reference > 0 for plan in PLANS],
        "off_centre": [plan.offset != (0, 0) for plan in PLANS],
        "partial_fourier": [plan.partial < 1 for plan in PLANS],
    }
    for name, has in drawn.items():
        assert np.mean(has) == pytest.approx(getattr(shares, name), abs=0.08)


def test_many_coils_have_a_high_snr_and_low_field_one_coil() -> None:
    ranges = Ranges(shares=replace(PLAIN, many_coils=0.5, low_field=0.5))
    plans = [ScanPlan.draw(ranges, np.random.default_rng(seed)) for seed in range(60)]
    assert {plan.coils == 1 for plan in plans} == {True, False}
    for plan in plans:
        assert (plan.coils == 1 and plan.snr < 15.1) or (plan.coils >= 16 and plan.snr > 99)


def test_what_a_share_asks_for_stays_within_the_ranges() -> None:
    ranges = Ranges(coils=(2, 8), snr=(20, 50), shares=replace(PLAIN, many_coils=0.5, low_field=0.5))
    plans = [ScanPlan.draw(ranges, np.random.default_rng(seed)) for seed in range(30)]
    assert {plan.coils for plan in plans} == {2, 8}
    assert all(20 - 1e-9 <= plan.snr <= 50 + 1e-9 for plan in plans)


def test_log_uniform_has_the_median_at_the_geometric_mean() -> None:
    rng = np.random.default_rng(0)
    values = [log_uniform((4, 100), rng) for _ in range(4000)]
    assert 4 <= min(values) < max(values) <= 100
    assert np.median(values) == pytest.approx(20, rel=0.08)
