import numpy as np
import pytest

from recon.simulation.phantom.anatomy.canvas import Canvas

DEPTH = np.array([-5, -0.5, 0, 0.5, 5], np.float32)


def canvas(texture: float = 0.0) -> Canvas:
    return Canvas(
        points=np.zeros((3, 5), np.float32),
        pixel=2.0,
        signals={"bone": 3.0},
        texture=np.full(5, texture, np.float32),
        image=np.ones(5, np.float32),
    )


@pytest.mark.parametrize(
    ("settings", "shares"),
    [
        ({}, (0, 0.25, 0.5, 0.75, 1)),
        ({"edge": 4.0}, (0, 0.375, 0.5, 0.625, 1)),
        ({"opacity": 0.5}, (0, 0.125, 0.25, 0.375, 0.5)),
    ],
)
def test_paint_mixes_the_signal_in_by_coverage_and_opacity(settings: dict, shares: tuple[float, ...]):
    painted = canvas()
    painted.paint("bone", DEPTH, **settings)
    np.testing.assert_allclose(painted.image, 1 + 2 * np.array(shares), rtol=1e-6)


def test_texture_varies_the_signal_by_the_stated_share():
    painted = canvas(texture=1.0)
    painted.paint("bone", DEPTH)
    assert painted.image[-1] == pytest.approx(3 * 1.3)
