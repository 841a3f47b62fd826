import numpy as np
import pytest

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.lesions import TUMOUR_RATE, Lesions
from recon.simulation.phantom.contrast import TISSUES


def drawn(age: float, count: int = 200) -> list[Lesions]:
    return [Lesions.draw(np.random.default_rng(seed), age) for seed in range(count)]


def test_spots_come_with_age():
    """Their mean number is 25 age^2."""
    assert not any(lesions.spots for lesions in drawn(0.0, 20))
    assert np.mean([len(lesions.spots) for lesions in drawn(1.0)]) == pytest.approx(25, abs=1.5)


def test_tumours_occur_at_the_stated_rate():
    share = np.mean([lesions.tumour is not None for lesions in drawn(0.5)])
    assert share == pytest.approx(TUMOUR_RATE, abs=0.08)


def test_spots_stay_within_the_white_matter():
    points = np.random.default_rng(0).uniform(-40, 40, (3, 20000)).astype(np.float32)
    lesions = next(person for person in drawn(1.0) if person.tumour is None and person.spots)
    white = np.where(points[0] > 0, 5, -5).astype(np.float32)
    canvas = Canvas(
        points, 1.0, dict.fromkeys(TISSUES, 1.0), np.zeros(20000, np.float32), np.zeros(20000, np.float32)
    )
    lesions.paint(canvas, white)
    assert not canvas.image[points[0] < 0].any()
    assert canvas.image[points[0] > 0].max() > 0.5
