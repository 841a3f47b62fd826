"""The proximal operator of the total variation of volumes minimises its objective."""

import pytest
import torch
from torch import Tensor

from recon.solvers.prox import COLUMN, ROW, Prior, TotalVariation
from recon.solvers.volume_variation import POSITION, VolumeVariation

SHAPE = (2, 7, 1, 12, 9)


def volume(seed: int = 0) -> Tensor:
    blocks = torch.zeros(SHAPE)
    blocks[:, 2:6, :, 3:9, 2:7] = 1
    return blocks + 0.2 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def variation(values: Tensor, across: float) -> Tensor:
    """Compute the isotropic total variation without the code under test."""
    total = torch.zeros_like(values)
    for axis, weight in ((ROW, 1.0), (COLUMN, 1.0), (POSITION, across)):
        last = values.narrow(axis, values.shape[axis] - 1, 1)
        total += (weight * torch.diff(values, dim=axis, append=last)).square()
    return total.sqrt().sum()


def converged(prior: Prior[Tensor], values: Tensor, threshold: Tensor) -> Tensor:
    state, result = prior.start(values.shape, values.device), values
    for _ in range(60):
        result, state = prior.prox(values, threshold, state)
    return result


@pytest.mark.parametrize("across", [0.0, 0.5, 1.0, 2.0])
def test_no_nearby_volume_has_a_lower_objective(across: float) -> None:
    values, threshold = volume(), torch.full((2, 1, 1, 1, 1), 0.15)

    def objective(candidate: Tensor) -> float:
        return float((candidate - values).square().sum() / 2 + 0.15 * variation(candidate, across))

    best = converged(VolumeVariation(steps=10, across=across), values, threshold)
    lowest = objective(best)
    assert lowest < objective(values)
    for seed in range(5):
        step = torch.randn(SHAPE, generator=torch.Generator().manual_seed(100 + seed))
        assert lowest < objective(best + 0.02 * step) + 1e-3
    assert lowest < objective(0.97 * best + 0.03 * values)
    assert lowest < objective(0.97 * best + 0.03 * best.mean())


def test_without_differences_between_positions_it_is_the_total_variation_of_planes() -> None:
    values, threshold = volume(), torch.full((2, 1, 1, 1, 1), 0.1)
    plane, prior = TotalVariation(), VolumeVariation(across=0)
    expected, _ = plane.prox(values, threshold, plane.start(values.shape, values.device))
    result, _ = prior.prox(values, threshold, prior.start(values.shape, values.device))
    torch.testing.assert_close(result, expected)


def test_a_threshold_for_each_position_acts_there() -> None:
    values = volume()
    threshold = torch.zeros(2, SHAPE[1], 1, 1, 1)
    threshold[:, :3] = 0.2
    result = converged(VolumeVariation(), values, threshold)
    torch.testing.assert_close(result[:, 4:], values[:, 4:])
    assert (result[:, :3] - values[:, :3]).abs().mean() > 0.05


def test_a_flat_volume_and_a_single_position_stay_what_they_are() -> None:
    flat, threshold = torch.full(SHAPE, 0.7), torch.full((2, 1, 1, 1, 1), 0.3)
    torch.testing.assert_close(converged(VolumeVariation(), flat, threshold), flat)
    single = volume()[:, :1]
    expected = converged(TotalVariation(steps=10), single, threshold)
    assert (converged(VolumeVariation(steps=10), single, threshold) - expected).norm() < 0.03 * expected.norm()
