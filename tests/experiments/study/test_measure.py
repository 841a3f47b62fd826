"""SNR, CNR and contrast of images whose signal and noise are known."""

import math

import numpy as np
import pytest

from recon.experiments.study.measure import measure_regions, summary

ROWS, COLUMNS = 80, 60


@pytest.fixture
def masks() -> dict[str, np.ndarray]:
    masks = {name: np.zeros((1, ROWS, COLUMNS), bool) for name in ("air", "fat", "muscle")}
    masks["air"][:, :20] = True
    masks["fat"][:, 30:50, :30] = True
    masks["muscle"][:, 30:50, 30:] = True
    return masks


def test_ratios_follow_the_formulas(masks: dict[str, np.ndarray]) -> None:
    image = np.zeros((1, ROWS, COLUMNS), np.float32)
    image[masks["fat"]], image[masks["muscle"]] = 111.3, 16.6
    image[masks["air"]] = np.resize([0.0, 2.0], masks["air"].sum())  # standard deviation 1
    noise = np.full_like(image, 0.5)
    values = measure_regions(image, masks, "air", "muscle", noise)
    deviation = math.sqrt(1200 / 1199)
    assert values == pytest.approx(
        {
            ("SI", "fat"): 111.3,
            ("SI", "muscle"): 16.6,
            ("SNR", "fat"): 111.3 / deviation,
            ("SNR", "muscle"): 16.6 / deviation,
            ("CNR", "fat"): 94.7 / deviation,
            ("SI / SI ref", "fat"): 111.3 / 16.6,
            ("replica SNR", "fat"): 222.6,
            ("replica SNR", "muscle"): 33.2,
        }
    )


def test_the_standard_deviation_is_that_of_the_air(masks: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(10, 0.3, (1, ROWS, COLUMNS)).astype(np.float32)
    image[masks["fat"]] += 50
    values = measure_regions(image, masks, "air", None)
    assert values["SNR", "fat"] == pytest.approx(60 / 0.3, rel=0.06)
    assert not [name for name, _ in values if name in ("CNR", "replica SNR", "SI / SI ref")]


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_scale_of_the_image_does_not_matter(masks: dict[str, np.ndarray], scale: float) -> None:
    image = np.random.default_rng(1).normal(10, 1, (1, ROWS, COLUMNS)).astype(np.float32)
    one, other = (measure_regions(factor * image, masks, "air", "fat", factor * image) for factor in (1, scale))
    for (measure, place), value in one.items():
        if measure != "SI":
            assert other[measure, place] == pytest.approx(value, rel=1e-5)


def test_black_air_has_no_snr(masks: dict[str, np.ndarray]) -> None:
    image = np.where(masks["air"], 0, np.float32(3))
    values = measure_regions(image, masks, "air", "fat", np.zeros_like(image))
    assert math.isnan(values["SNR", "fat"])
    assert math.isnan(values["CNR", "muscle"])
    assert math.isnan(values["replica SNR", "fat"])
    assert values["SI / SI ref", "muscle"] == 1


def test_means_leave_out_what_is_missing() -> None:
    assert summary([1.0, math.nan, 3.0]) == (2.0, pytest.approx(math.sqrt(2)), 2)
    assert summary([5.0])[0::2] == (5.0, 1)
    assert math.isnan(summary([5.0])[1])
    assert math.isnan(summary([])[0])
