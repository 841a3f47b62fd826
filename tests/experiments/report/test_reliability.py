import io

import numpy as np
import pytest
from PIL import Image

from recon.experiments.report.reliability import Reliability, draw_reliability


def volume(factor=1.0, scale=1.0, slices=4):
    """Make normal errors, and predict `factor` times their true standard deviations."""
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.01, 0.1, (slices, 60, 50))
    target = rng.uniform(0.5, 1, sigma.shape)
    images = target + sigma * rng.standard_normal(sigma.shape)
    return [scale * values for values in (target, images, factor * sigma)]


def test_true_standard_deviations_lie_on_the_line_and_have_the_coverage_of_a_normal_distribution():
    reliability = Reliability()
    reliability.add(*volume())
    predicted, true = reliability.curve()
    np.testing.assert_allclose(true, predicted, rtol=0.15)
    assert reliability.coverage == pytest.approx((0.683, 0.954), abs=0.01)


def test_halved_standard_deviations_lie_above_the_line_and_cover_less():
    reliability = Reliability()
    reliability.add(*volume(factor=0.5))
    predicted, true = reliability.curve()
    np.testing.assert_allclose(true, 2 * predicted, rtol=0.15)
    assert reliability.coverage == pytest.approx((0.383, 0.683), abs=0.01)


def test_volumes_add_up_whatever_their_units():
    together, apart = Reliability(), Reliability()
    together.add(*volume(slices=4))
    target, images, uncertainty = volume(slices=4)
    target[:, 0, 0] = 1.0  # the largest value of each half
    for index in (slice(0, 2), slice(2, 4)):
        apart.add(1e-5 * target[index], 1e-5 * images[index], 1e-5 * uncertainty[index])
    assert apart.pixels.sum() == together.pixels.sum()
    np.testing.assert_allclose(apart.curve()[0], together.curve()[0], rtol=1e-3)


def test_images_of_another_size_are_compared_over_the_common_field():
    target, images, uncertainty = volume()
    reliability = Reliability()
    reliability.add(target[:, 5:-5, 3:-3], images, uncertainty)
    assert reliability.pixels.sum() == 4 * 50 * 44
    assert reliability.coverage[0] == pytest.approx(0.683, abs=0.01)


def test_every_method_has_a_curve_beside_the_line_and_its_coverage():
    sure, unsure = Reliability(), Reliability()
    sure.add(*volume())
    unsure.add(*volume(factor=0.5))
    figure = draw_reliability({"sense": sure, "grappa": unsure})
    (axes,) = figure.axes
    assert len(axes.lines) == 3
    assert "sense: 68% within 1 SD, 95% within 2 SD" in axes.get_legend_handles_labels()[1]
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert Image.open(buffer).width > 500
