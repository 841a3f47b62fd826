from pathlib import Path

import numpy as np
import pytest
import torch

from recon.coils import rss
from recon.crop import center_crop
from recon.fourier import ifft
from recon.simulation.scanner.anatomy import draw_heads
from recon.simulation.scanner.scan import Protocol, Ranges, Simulator
from recon.simulation.scanner.slices import SimulatedSlices

SMALL = Ranges(matrix=(48, 64), coils=(1, 6))
NOISELESS = Ranges(matrix=(48, 64), coils=(1, 6), snr=(1e6, 1e6), accelerations=(1, 1))


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(draw_heads(1, seed=3), ranges=SMALL)


def test_shapes_are_known_before_a_slice_is_simulated(simulator: Simulator) -> None:
    slices = SimulatedSlices(simulator, 12, (1, 0))
    for index, shape in enumerate(slices.shapes()):
        assert (*slices[index].kspace.shape, *slices[index].target.shape) == shape


def test_a_slice_follows_from_seed_epoch_and_index_alone(simulator: Simulator) -> None:
    one, again = SimulatedSlices(simulator, 3, (1, 0)), SimulatedSlices(simulator, 9, (1, 0))
    other = SimulatedSlices(simulator, 3, (1, 1))
    assert torch.equal(one[2].kspace, again[2].kspace)
    assert one[2].kspace.shape != other[2].kspace.shape or not torch.equal(one[2].kspace, other[2].kspace)


def test_what_was_not_measured_is_zero_and_all_is_finite(simulator: Simulator) -> None:
    for index in range(12):
        found = SimulatedSlices(simulator, 12, (2, 0))[index]
        assert not torch.where(found.mask, 0, found.kspace).any()
        assert found.kspace.isfinite().all()
        assert found.target.amax() == found.maximum > 0


def test_without_noise_and_undersampling_the_kspace_gives_the_target() -> None:
    slices = SimulatedSlices(Simulator(draw_heads(1, seed=3), ranges=NOISELESS), 6, (3, 0))
    for index in range(6):
        found = slices[index]
        image = center_crop(rss(ifft(torch.where(found.mask, found.kspace, 0))), found.target.shape)
        measured = found.mask.float().mean()
        assert measured > 0.9
        assert (image - found.target).norm() < (1e-3 if measured == 1 else 0.2) * found.target.norm()


def test_noise_has_the_strength_asked_for() -> None:
    quiet, loud = (
        Simulator(draw_heads(1, seed=3), ranges=Ranges((64, 64), (4, 4), (snr, snr), (1, 1))) for snr in (1e6, 10)
    )
    clean, noisy = (simulator.scan(np.random.default_rng(5)) for simulator in (quiet, loud))
    tissue = clean.target[clean.target > 0.1 * clean.target.amax()].mean()
    spread = torch.view_as_real((noisy.kspace - clean.kspace)[:, clean.mask[0, 0].expand(64, -1)]).std()
    assert spread == pytest.approx(float(tissue) / 10, rel=0.1)


def test_masks_lie_within_the_ranges() -> None:
    ranges = Ranges()
    for seed in range(200):
        sampling = Protocol.draw(ranges, np.random.default_rng(seed)).sampling
        assert 2 <= sampling.acceleration <= 10
        assert 0.03 <= sampling.center_fraction <= 0.16


def test_heads_are_named_and_of_three_slices() -> None:
    (head,) = draw_heads(1, seed=0)
    assert len(head) == 3
    assert head.path == Path("head_0")
