"""Compare coil maps independently of their phase and length."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition, smooth_maps
from recon.coils import rss
from recon.experiments.benchmark.classical.maps import (
    ESTIMATES,
    compressed,
    measure_maps,
    projection_error,
    sigpy_maps,
)


def random_phase(readout: int, phase: int) -> torch.Tensor:
    return torch.polar(torch.ones(readout, phase), 6 * torch.rand(readout, phase))


@given(st.floats(0, 1))
def test_the_error_is_the_sine_of_the_angle(angle: float) -> None:
    maps, support = smooth_maps(4, 16, 12), torch.ones(16, 12, dtype=torch.bool)
    other = maps.roll(1, dims=0)
    other = other - maps * (maps.conj() * other).sum(0)
    turned = torch.cos(torch.tensor(angle)) * maps + torch.sin(torch.tensor(angle)) * other / rss(other)
    error = projection_error(maps, 3 * random_phase(16, 12) * turned, support)
    assert abs(error - torch.sin(torch.tensor(angle))) < 1e-3


def test_only_the_support_counts() -> None:
    maps = smooth_maps(4, 16, 12)
    support = torch.zeros(16, 12, dtype=torch.bool)
    support[4:8] = True
    assert projection_error(maps, torch.where(support, maps, maps.roll(1, dims=0)), support) < 1e-3


def test_compression_to_the_same_number_of_coils_changes_nothing() -> None:
    acquisition = object_acquisition(coils=6, noise=1e-3)
    support = acquisition.target > 0.1
    error = projection_error(sigpy_maps(acquisition), compressed(sigpy_maps)(acquisition), support)
    assert error < 1e-3


def test_a_failing_estimate_says_why_and_our_maps_agree_with_sigpys() -> None:
    def broken(_: object) -> torch.Tensor:
        raise ValueError("no maps today")

    estimates = {name: ESTIMATES[name] for name in ("sigpy ESPIRiT", "ours")} | {"broken": broken}
    reference, ours, failed = measure_maps(object_acquisition(noise=1e-3), 1, lambda _: None, estimates)
    assert reference.projection_error is None
    assert ours.projection_error < 0.05
    assert len(ours.seconds.wall) == 1
    assert failed.failure == "no maps today"
