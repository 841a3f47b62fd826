import numpy as np
import pytest

from recon.simulation.loops import Loop, arrange_around, arrange_in_planes
from recon.simulation.phantom.head import REACH

SIZE = (236.0, 200.0)


def wire(loop: Loop) -> np.ndarray:
    """Points `(100, 3)` of the wire."""
    across = np.linalg.svd(loop.axis[None])[2][1:]
    angle = np.linspace(0, 2 * np.pi, 100)
    return loop.centre + loop.radius * (np.outer(np.cos(angle), across[0]) + np.outer(np.sin(angle), across[1]))


@pytest.mark.parametrize("coils", [1, 2, 8, 20, 32])
def test_loops_around_the_object_have_the_right_number_and_no_wire_crosses_the_head(coils: int):
    """Wires stay outside the ellipse that contains every head, and reach less than 5 mm into the field of view."""
    for seed in range(20):
        loops = arrange_around(coils, SIZE, np.random.default_rng(seed))
        assert len(loops) == coils
        for loop in loops:
            x, y = np.abs(wire(loop)[:, :2].T)
            assert ((x / REACH[0]) ** 2 + (y / REACH[1]) ** 2).min() > 1
            assert np.minimum(SIZE[1] / 2 - x, SIZE[0] / 2 - y).max() < 5


@pytest.mark.parametrize("coils", [4, 5, 32])
def test_loops_in_planes_lie_on_two_opposite_sides_and_face_inwards(coils: int):
    for seed in range(5):
        loops = arrange_in_planes(coils, SIZE, np.random.default_rng(seed))
        assert len(loops) == coils
        normal = int(np.abs(loops[0].axis[:2]).argmax())
        offsets = np.array([loop.centre[normal] for loop in loops])
        assert abs((offsets > 0).sum() - (offsets < 0).sum()) <= 1
        assert np.abs(offsets).min() > SIZE[1 - normal] / 2
        assert all(loop.axis[normal] * loop.centre[normal] < 0 for loop in loops)


@pytest.mark.parametrize("arrange", [arrange_around, arrange_in_planes])
def test_axes_are_unit_vectors(arrange):
    axes = np.stack([loop.axis for loop in arrange(12, SIZE, np.random.default_rng(0))])
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1, rtol=1e-12)
