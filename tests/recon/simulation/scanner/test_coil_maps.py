import numpy as np
import pytest

from recon.simulation.scanner.coil_maps import draw_maps, loop_maps


@pytest.mark.parametrize("coils", [1, 2, 5, 32])
def test_maps_are_smooth_and_their_largest_root_sum_of_squares_is_one(coils: int) -> None:
    for seed in range(4):
        maps = draw_maps((40, 48), 1.2, coils, (), np.random.default_rng(seed))
        assert maps.shape == (coils, 40, 48)
        assert maps.dtype == np.complex64
        assert np.sqrt((np.abs(maps) ** 2).sum(0).max()) == pytest.approx(1, rel=1e-4)
        assert np.quantile(np.abs(np.diff(maps, axis=1)), 0.99) < 0.15


def test_measured_maps_are_drawn_at_the_stated_rate() -> None:
    """Constant maps are recognised by their constant magnitude."""
    measured = [np.ones((4, 16, 16), np.complex64)]
    drawn = [draw_maps((8, 8), 1.0, 2, measured, np.random.default_rng(seed)) for seed in range(200)]
    share = np.mean([np.ptp(np.abs(maps[0])) < 1e-5 for maps in drawn])
    assert share == pytest.approx(0.25, abs=0.1)


def test_measured_maps_with_too_few_coils_are_never_used() -> None:
    measured = [np.ones((4, 16, 16), np.complex64)]
    for seed in range(20):
        maps = draw_maps((8, 8), 1.0, 5, measured, np.random.default_rng(seed))
        np.testing.assert_array_equal(maps, draw_maps((8, 8), 1.0, 5, (), np.random.default_rng(seed)))


def test_finer_pixels_show_the_same_maps() -> None:
    coarse, fine = (loop_maps(shape, (220, 220), 6, np.random.default_rng(0)) for shape in ((21, 31), (41, 61)))
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, rtol=0, atol=1e-6 * np.abs(coarse).max())
