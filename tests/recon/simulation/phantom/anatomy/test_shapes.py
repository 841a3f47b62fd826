import numpy as np
import pytest

from recon.simulation.phantom.anatomy.shapes import coverage, ellipsoid, smooth_minimum, tube, turned


def plane(n: int = 81, extent: float = 20.0) -> tuple[np.ndarray, float]:
    axis = np.linspace(-extent, extent, n, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size, np.float32)]), 2 * extent / (n - 1)


def test_depth_in_a_sphere_is_exact():
    points, _ = plane()
    centre, radius = (3.0, -2.0, 1.0), 9.0
    distance = np.linalg.norm(points - np.array(centre, np.float32)[:, None], axis=0)
    np.testing.assert_allclose(ellipsoid(points, centre, (radius,) * 3), radius - distance, atol=1e-3)


def test_depth_in_an_ellipsoid_grows_by_one_mm_per_mm_at_its_surface():
    angle = np.linspace(0, 2 * np.pi, 50)
    surface = np.stack([8 * np.cos(angle), 5 * np.sin(angle), 0 * angle])
    normal = np.stack([np.cos(angle) / 8, np.sin(angle) / 5, 0 * angle])
    normal /= np.linalg.norm(normal, axis=0)
    depth = ellipsoid(surface - 0.01 * normal, (0, 0, 0), (8, 5, 6))
    np.testing.assert_allclose(depth, 0.01, rtol=0.02)


@pytest.mark.parametrize("shift", [0.0, 0.17, 0.33])
def test_coverage_keeps_the_area_wherever_the_grid_lies(shift: float):
    points, pixel = plane()
    disc = ellipsoid(points, (shift, 2 * shift, 0), (8, 6, 6))
    assert coverage(disc, pixel).sum() * pixel**2 == pytest.approx(np.pi * 48, rel=5e-3)


def test_tube_is_as_wide_as_its_radii_and_round_at_its_ends():
    points = np.array([[0, 5, 10, 12], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    depth = tube(points, ((0, 0, 0), (10, 0, 0)), (1, 3))
    np.testing.assert_allclose(depth, [1, 2, 3, 1], atol=1e-5)


def test_smooth_minimum_is_the_minimum_away_from_the_crease():
    first, second = np.array([0.0, 5.0, 1.0]), np.array([4.0, 0.0, 1.0])
    rounded = smooth_minimum(first, second, 2.0)
    np.testing.assert_allclose(rounded[:2], [0, 0])
    assert rounded[2] == pytest.approx(0.5)


def test_turning_keeps_distances_and_brings_the_front_to_the_midline():
    front = np.array([[10.0], [-10.0], [3.0]], np.float32)
    after = turned(front, -20)
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(front))
    assert after[2, 0] == 3
