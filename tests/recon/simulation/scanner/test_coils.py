import numpy as np
import pytest

from recon.simulation.head_coils import arrange_loops, loop_field
from recon.simulation.scanner.coils import arrange_planes, draw_maps, filled, received, resample


@pytest.mark.parametrize("coils", [1, 2, 5, 32])
def test_maps_are_smooth_and_their_largest_root_sum_of_squares_is_one(coils: int) -> None:
    for seed in range(4):
        maps = draw_maps((40, 48), 1.2, coils, (), np.random.default_rng(seed))
        assert maps.shape == (coils, 40, 48)
        assert np.sqrt((np.abs(maps) ** 2).sum(0).max()) == pytest.approx(1, rel=1e-4)
        assert np.quantile(np.abs(np.diff(maps, axis=1)), 0.99) < 0.15


@pytest.mark.parametrize("arrange", [arrange_loops, arrange_planes])
def test_all_loops_at_once_give_the_field_of_each(arrange) -> None:
    rng = np.random.default_rng(0)
    loops = arrange(6, (220.0, 200.0), rng)
    points = rng.uniform(-60, 60, (3, 20))
    alone = np.stack([loop_field(points, loop) for loop in loops])
    np.testing.assert_allclose(received(loops, points), alone[:, 0] - 1j * alone[:, 1], rtol=2e-3, atol=1e-6)


def test_measured_maps_are_mixed_without_gain() -> None:
    measured = np.ones((4, 16, 16), np.complex64) * np.array([1, 1j, -1, -1j])[:, None, None].astype(np.complex64)
    for seed in range(4):
        found = resample(measured, (20, 24), 4, np.random.default_rng(seed))
        np.testing.assert_allclose((np.abs(found) ** 2).sum(0), 4, rtol=1e-4)


def test_filling_changes_nothing_that_is_known() -> None:
    maps = np.zeros((2, 16, 16), np.complex64)
    maps[:, 4:12, 4:12] = 2 + 1j
    full = filled(maps)
    assert np.array_equal(full[:, 4:12, 4:12], maps[:, 4:12, 4:12])
    np.testing.assert_allclose(full, 2 + 1j, rtol=1e-5)
