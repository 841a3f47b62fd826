from collections.abc import Mapping
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.adjoint import assert_adjoint
from helpers.torch_only import torch_only
from recon.kernels import kernels
from recon.solvers import prox
from recon.solvers.prox import PLANE, ShiftedHaar, TotalVariation, gradient, p_shrink
from recon.solvers.volume_variation import VolumeVariation


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("weights", [PLANE, VolumeVariation(across=0.5).weights], ids=["plane", "volume"])
@given(st.integers(1, 3), st.integers(2, 20), st.integers(2, 20))
def test_a_dual_descends_along_the_adjoint_of_the_gradient(
    weights: Mapping[int, float], positions: int, rows: int, columns: int
) -> None:
    shape = (positions, 1, rows, columns)

    def adjoint(field: torch.Tensor) -> torch.Tensor:
        return -prox._descend(torch.zeros_like(field[0]), field, weights)

    assert_adjoint(partial(gradient, weights=weights), adjoint, shape, (len(weights), *shape), dtype=torch.float64)


def test_shrinking_takes_all_of_what_is_small_and_ever_less_of_what_is_large() -> None:
    values = torch.linspace(0, 5, 1001, dtype=torch.float64)
    shrunk = p_shrink(values, torch.tensor(0.4, dtype=torch.float64))
    assert (shrunk[values <= 0.4] == 0).all()
    assert (shrunk.diff() >= 0).all()
    taken = (values - shrunk)[values > 0.4]
    assert (taken.diff() < 0).all()
    assert 0 < taken.min() < taken.max() < 0.4


def test_shrinking_keeps_the_sign() -> None:
    values, threshold = noise(100), torch.tensor(0.4, dtype=torch.float64)
    torch.testing.assert_close(p_shrink(-values, threshold), -p_shrink(values, threshold))


@pytest.mark.parametrize("prior", [ShiftedHaar(), TotalVariation(steps=300)], ids=["haar", "tv"])
class TestEveryPrior:
    def prox(self, prior: ShiftedHaar | TotalVariation, values: torch.Tensor, threshold: float) -> torch.Tensor:
        state = prior.start(values.shape, values.device)
        if isinstance(state, torch.Tensor):
            state = state.to(values)
        return prior.prox(values, torch.tensor(threshold, dtype=values.dtype), state)[0]

    def test_a_constant_is_left_alone(self, prior: ShiftedHaar | TotalVariation) -> None:
        values = torch.full((2, 21, 18), 3.0, dtype=torch.float64)
        torch.testing.assert_close(self.prox(prior, values, 0.5), values)

    def test_no_threshold_changes_nothing(self, prior: ShiftedHaar | TotalVariation) -> None:
        values = noise(2, 21, 18)
        torch.testing.assert_close(self.prox(prior, values, 1e-12), values)

    def test_a_small_change_stays_small(self, prior: ShiftedHaar | TotalVariation) -> None:
        values, change = noise(1, 32, 32), 1e-4 * noise(1, 32, 32, seed=1)
        steepest = 1.125 if isinstance(prior, ShiftedHaar) else 1.0
        moved = self.prox(prior, values + change, 0.3) - self.prox(prior, values, 0.3)
        assert moved.norm() <= 1.001 * steepest * change.norm()

    def test_noise_is_reduced_and_a_step_survives(self, prior: ShiftedHaar | TotalVariation) -> None:
        step = torch.zeros(1, 32, 32, dtype=torch.float64)
        step[..., 12:] = 5
        denoised = self.prox(prior, step + 0.3 * noise(1, 32, 32), 0.5)
        assert (denoised - step).norm() < 0.6 * (0.3 * noise(1, 32, 32)).norm()


@given(
    st.lists(st.integers(1, 3), max_size=3),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(0, 508),
    st.booleans(),
)
@settings(max_examples=60)
def test_compiled_haar_equals_torchs(leading: list[int], rows: int, columns: int, call: int, parts: bool) -> None:
    shape, generator = (*leading, rows, columns), torch.Generator().manual_seed(call)
    values = torch.randn(shape, generator=generator)
    if parts:  # of a complex image, as FISTA has them
        values = torch.view_as_real(torch.complex(values, -2 * values.flip(-1))).movedim(-1, 0)
    threshold = 0.5 * torch.rand(*values.shape[:-2], 1, 1, generator=generator)
    result, _ = ShiftedHaar().prox(values, threshold, call)
    with torch_only():
        expected, _ = ShiftedHaar().prox(values.double(), threshold.double(), call)
    assert kernels(prox.LOOPS, values) is not None
    torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-5)
    assert result.stride() == values.stride()


def test_haar_transform_is_orthonormal_and_threshold_of_the_mean_is_zero() -> None:
    transform, growth = prox._block_transform(torch.device("cpu"), torch.float64)
    torch.testing.assert_close(transform @ transform.mT, torch.eye(256, dtype=torch.float64))
    torch.testing.assert_close(transform[0], torch.full((256,), 1 / 16, dtype=torch.float64))
    assert growth.tolist() == [0.0] + [1.0] * 192 + [1.5] * 48 + [2.25] * 12 + [3.375] * 3


@pytest.mark.parametrize("call", [0, 1])
def test_on_a_gpu_haar_takes_few_kernels(call: int) -> None:
    values, threshold = noise(2, 4, 1, 64, 64), torch.full((2, 4, 1, 1, 1), 0.1, dtype=torch.float64)
    ShiftedHaar().prox(values, threshold, call)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        ShiftedHaar().prox(values, threshold, call)
    computing = {"aten::index", "aten::bmm", "aten::mm", "aten::abs", "aten::clamp_", "aten::div", "aten::mul"}
    computing |= {"aten::pow_", "aten::addcmul", "aten::copy_", "aten::clone"}
    assert sum(one.count for one in profile.key_averages() if one.key in computing) <= 16


def test_total_variation_of_planes_together_equals_that_of_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    prior, values, threshold = TotalVariation(), noise(2, 3, 1, 20, 17), noise(2, 3, 1, 1, 1, seed=1).abs()
    state = prior.start(values.shape, values.device).double()
    expected = prior.prox(values, threshold, state.clone())
    monkeypatch.setattr(prox, "_pieces", lambda *_: [()])  # as on a GPU
    torch.testing.assert_close(prior.prox(values, threshold, state), expected)


def test_total_variation_is_minimised() -> None:
    values = noise(1, 24, 24)
    threshold = torch.tensor(0.3, dtype=torch.float64)

    def objective(image: torch.Tensor) -> float:
        penalty = torch.linalg.vector_norm(gradient(image), dim=0).sum()
        return float((image - values).square().sum() / 2 + threshold * penalty)

    def solve(steps: int) -> torch.Tensor:
        prior = TotalVariation(steps)
        return prior.prox(values, threshold, prior.start(values.shape, values.device).double())[0]

    assert objective(solve(100)) < 1.001 * objective(solve(2000))
    assert objective(solve(2000)) < objective(0.99 * solve(2000))
