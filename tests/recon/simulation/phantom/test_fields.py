import numpy as np
import pytest

from recon.simulation.phantom.fields import sheet_distance, smooth_field


def points(n: int = 4000) -> np.ndarray:
    return np.random.default_rng(1).uniform(-80, 80, (3, n)).astype(np.float32)


def test_smooth_field_has_the_stated_mean_variance_and_correlation():
    scale = 6.0
    field = smooth_field(np.random.default_rng(0), scale, channels=4, size=64)
    here, beside = field(points(20000)), field(points(20000) + np.array([[scale], [0], [0]], np.float32))
    assert abs(here.mean()) < 0.1
    assert here.var() == pytest.approx(1, abs=0.15)
    assert np.mean(here * beside) / here.var() == pytest.approx(np.exp(-1 / 4), abs=0.05)


def test_channels_are_independent():
    first, second = smooth_field(np.random.default_rng(0), 2.0, channels=2, size=64)(points(20000))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_field_is_periodic_and_continuous():
    field = smooth_field(np.random.default_rng(0), 4.0, size=32)
    period = np.float32(32 * 4.0 / 2)
    np.testing.assert_allclose(field(points()), field(points() - period), atol=2e-3)
    seam = np.array([[0, 0], [5, 5], [7, 7]], np.float32) + np.array([[-1e-4, 1e-4], [0, 0], [0, 0]], np.float32)
    below, above = field(seam)[0]
    assert below == pytest.approx(above, abs=1e-3)


def test_sheet_distance_grows_by_one_mm_per_mm_near_a_sheet():
    distance = sheet_distance(np.random.default_rng(0), spacing=9.0)
    here, step = points(20000), 0.2
    along = np.eye(3, dtype=np.float32)[:, :, None] * step
    near = np.abs(distance(here)[0]) < 1.0
    gradient = [(distance(here + move)[0] - distance(here - move)[0]) / (2 * step) for move in along]
    slope = np.linalg.norm(gradient, axis=0)[near]
    assert near.mean() > 0.05
    assert np.median(slope) == pytest.approx(1, abs=0.1)


def test_sheets_lie_as_far_apart_as_stated():
    """Every sheet has two sides, so the share of space within t of one is about 2 t / spacing."""
    spacing, within = 10.0, 0.8
    distance = sheet_distance(np.random.default_rng(0), spacing)(points(50000))[0]
    assert np.mean(np.abs(distance) < within) == pytest.approx(2 * within / spacing, rel=0.35)
