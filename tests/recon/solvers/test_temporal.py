"""Proximal operators along time equal what brute force finds."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from recon.solvers.temporal import TemporalVariation, shrink_singular_values, shrink_spectrum

frames, seeds, thresholds = st.integers(1, 7), st.integers(0, 99), st.floats(0, 3)


def series(frames: int, seed: int) -> torch.Tensor:
    return torch.randn(frames, 2, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.complex64)


@given(frames, seeds, thresholds)
def test_singular_values_are_shrunk_as_by_the_decomposition_of_the_large_matrix(
    frames: int, seed: int, threshold: float
) -> None:
    values = series(frames, seed)
    left, singular, right = torch.linalg.svd(values.flatten(1), full_matrices=False)
    expected = (left * (singular - threshold).clamp(min=0)) @ right
    torch.testing.assert_close(shrink_singular_values(values, threshold).flatten(1), expected, rtol=1e-4, atol=1e-4)


@given(frames, seeds, thresholds)
def test_no_neighbour_of_the_shrunk_spectrum_has_a_lower_objective(frames: int, seed: int, threshold: float) -> None:
    values = series(frames, seed)
    shrunk = shrink_spectrum(values, threshold)

    def objective(candidate: torch.Tensor) -> float:
        sparsity = torch.fft.fft(candidate, dim=0, norm="ortho").abs().sum()
        return float((candidate - values).abs().square().sum() / 2 + threshold * sparsity)

    for other in range(5):
        moved = shrunk + 0.05 * series(frames, seed + 1 + other)
        assert objective(shrunk) <= objective(moved) + 1e-4


def difference(frames: int) -> np.ndarray:
    return np.diff(np.eye(frames), axis=0)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 7), seeds, st.floats(0.01, 3))
def test_temporal_variation_is_that_of_the_dual_solved_exactly(frames: int, seed: int, threshold: float) -> None:
    values = torch.view_as_real(series(frames, seed)).movedim(-1, 0)[..., :1, :2]
    bounds = torch.full((2, 1, 1, 1, 1), threshold)
    prior = TemporalVariation(steps=400)
    denoised, _ = prior.prox(values, bounds, prior.start(values.shape, values.device))
    for part, row, column in np.ndindex(2, 2, 2):
        pixel = values[part, :, row, 0, column].double().numpy()
        dual = lsq_linear(difference(frames).T, pixel, (-threshold, threshold), tol=1e-12).x
        expected = pixel - difference(frames).T @ dual
        assert np.allclose(denoised[part, :, row, 0, column], expected, atol=2e-3)


def test_few_steps_from_the_last_dual_end_where_many_end() -> None:
    values = torch.view_as_real(series(6, 0)).movedim(-1, 0)
    bounds = torch.full((2, 1, 1, 1, 1), 0.5)
    exact, _ = TemporalVariation(steps=500).prox(values, bounds, torch.zeros(2, 5, *values.shape[2:]))
    prior = TemporalVariation()
    state = prior.start(values.shape, values.device)
    for _ in range(100):
        denoised, state = prior.prox(values, bounds, state)
    torch.testing.assert_close(denoised, exact, rtol=1e-3, atol=1e-3)


def test_a_large_weight_leaves_the_mean_over_time() -> None:
    values = torch.view_as_real(series(5, 3)).movedim(-1, 0)
    prior = TemporalVariation(steps=300)
    denoised, _ = prior.prox(values, torch.full((2, 1, 1, 1, 1), 100.0), prior.start(values.shape, values.device))
    torch.testing.assert_close(denoised, values.mean(1, keepdim=True).expand_as(values), rtol=1e-3, atol=1e-3)
