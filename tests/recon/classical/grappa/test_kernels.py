import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.slices import random_kspace
from recon.calibration.covariance import REACH, KspaceCovariance
from recon.classical.grappa.kernels import Gap, find_gaps, learn_kernels

masks = st.lists(st.booleans(), min_size=8, max_size=120).map(torch.tensor)


@given(masks, st.sampled_from([2, 4, 6]))
def test_every_gap_is_filled_once_from_measured_lines_only(mask: torch.Tensor, neighbours: int) -> None:
    gaps = find_gaps(mask, (0, len(mask)), neighbours)
    targets = [line for gap in gaps for line in gap.targets]
    assert len(targets) == len(set(targets))
    assert not mask[targets].any()
    for gap in gaps:
        assert mask[list(gap.sources)].all()
        assert 1 <= len(gap.sources) <= neighbours
        assert max(*gap.sources, *gap.targets) - min(*gap.sources, *gap.targets) < REACH


@given(masks, st.integers(0, 4), st.integers(0, 4))
def test_nothing_is_filled_outside_what_the_scanner_acquired(mask: torch.Tensor, before: int, after: int) -> None:
    first, last = before, len(mask) - after
    gaps = find_gaps(mask, (first, last), 4)
    assert all(first <= line < last for gap in gaps for line in gap.targets)


def test_no_gap_narrower_than_the_reach_is_left_out() -> None:
    mask = torch.arange(2 * REACH) % (REACH - 1) == 0
    filled = {line for gap in find_gaps(mask, (0, len(mask)), 4) for line in gap.targets}
    assert filled == set(torch.nonzero(~mask).flatten().tolist())


def test_gaps_of_one_shape_share_their_weights() -> None:
    mask = torch.arange(60) % 4 == 1
    shapes = {gap.shape() for gap in find_gaps(mask, (0, 60), 4)}
    assert len(shapes) == 5  # inside, and at each end the outermost gap and its neighbour


def test_the_weights_are_the_best_linear_prediction() -> None:
    rows, coils, grid = 2, 3, 16
    lines = random_kspace(400, rows, coils, grid, seed=3)  # stationary noise made of a few neighbouring lines
    lines = lines + 0.7 * lines.roll(1, -1) + 0.5j * lines.roll(2, -1)
    spectrum = torch.fft.fft(lines)
    power = torch.einsum("nxik,nxjk->xkij", spectrum, spectrum.conj()) / (400 * grid)
    covariance = KspaceCovariance(torch.fft.ifft(power, dim=1))
    (kernel,) = learn_kernels(covariance, [Gap((5,), (4, 6))], [1e-6])
    sources = lines[..., [4, 6]].permute(1, 0, 2, 3).flatten(start_dim=2)
    best = torch.linalg.lstsq(sources, lines[..., 5].permute(1, 0, 2)).solution.mT
    all_shifts = torch.stack([lines.roll(shift, -1) for shift in range(grid)]).flatten(0, 1)
    errors = [
        (all_shifts[..., 5] - torch.einsum("xts,nxs->nxt", weights, all_shifts[..., [4, 6]].flatten(2))).norm()
        for weights in (kernel.weights, best)
    ]
    assert errors[0] <= errors[1]
