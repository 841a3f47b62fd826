"""The rise of edges whose blur is known."""

import math

import numpy as np
import pytest
from scipy.special import erf

from recon.experiments.study.edge_rise import RISE, border_rise, edge_rise, line_rise
from recon.experiments.study.geometry import Ellipse, Frame

FRAME = Frame((96, 80), (1.0, 1.5))


def step(distance: np.ndarray, sigma: float, low: float = 20.0, high: float = 100.0) -> np.ndarray:
    return (low + high) / 2 + (high - low) / 2 * erf(distance / sigma / math.sqrt(2))


@pytest.mark.parametrize("sigma", [0.8, 1.5, 3.0])
@pytest.mark.parametrize("scale", [1.0, -1.0, 1e-6, 1e6])
def test_the_rise_of_a_blurred_step(sigma: float, scale: float) -> None:
    x = np.arange(0, 20, 0.25)
    assert edge_rise(scale * step(x - 9.3, sigma), 0.25) == pytest.approx(RISE * sigma, rel=1e-3)
    profile = step(x - 9.3, sigma, 0, 1)
    crossed = x[np.argmax(profile > 0.9)] - x[np.argmax(profile > 0.1)]
    assert RISE * sigma == pytest.approx(crossed, abs=0.3)


def test_noise_changes_the_rise_little() -> None:
    x = np.arange(0, 20, 0.25)
    rng = np.random.default_rng(0)
    rises = [edge_rise(step(x - 10, 1.5) + rng.normal(0, 5, len(x)), 0.25) for _ in range(50)]
    assert np.mean(rises) == pytest.approx(RISE * 1.5, rel=0.03)
    assert np.std(rises) < 0.15 * RISE * 1.5


def test_a_fit_steeper_than_the_pixels_can_show_is_none() -> None:
    profile = step(np.arange(0, 20, 0.25) - 10.1, 0.1)
    assert edge_rise(profile, 0.25) < 0.5
    assert math.isnan(edge_rise(profile, 0.25, finest=0.5))


@pytest.mark.parametrize("angle", [0, 30, 90, 200])
@pytest.mark.parametrize("width", [0, 6])
def test_a_line_across_an_edge_in_mm(angle: float, width: float) -> None:
    across, down = FRAME.positions()
    direction = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    image = step(direction[0] * across + direction[1] * down - 2, 2.5)
    rise = line_rise(image, FRAME, -10 * direction, 12 * direction, width)
    assert rise == pytest.approx(RISE * 2.5, rel=0.02)


def test_the_border_of_an_ellipse() -> None:
    frame = Frame((160, 160), (0.8, 0.8))
    across, down = frame.positions()
    ellipse = Ellipse((4, -6), (22, 22))
    image = step(22 - np.hypot(across - 4, down + 6), 2.0)
    lines = list(zip(*ellipse.border_lines(24, 8), strict=True))
    assert border_rise(image, frame, lines) == pytest.approx(RISE * 2, rel=0.02)
    assert math.isnan(border_rise(np.random.default_rng(0).normal(size=(160, 160)), frame, lines))


@pytest.mark.parametrize(
    "profile",
    [
        np.zeros(60),
        np.ones(60),
        np.random.default_rng(3).normal(size=60),
        np.cos(np.linspace(0, 20, 60)),
        np.linspace(0, 1, 60),  # rises over more than the line
    ],
)
def test_without_a_clear_edge_there_is_no_rise(profile: np.ndarray) -> None:
    assert math.isnan(edge_rise(profile, 0.25))
