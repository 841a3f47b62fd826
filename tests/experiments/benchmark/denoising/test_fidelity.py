"""What a denoiser must not change is measured without noise's share in it."""

import numpy as np
import pytest
from scipy import ndimage

from recon.experiments.benchmark.denoising.fidelity import REGION, REGIONS, Landmarks
from recon.simulation.raw_files import simulate_volume


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return simulate_volume((192, 192), 1, 1, 40.0, np.random.default_rng(3)).image[0]


@pytest.fixture(scope="module")
def landmarks(image: np.ndarray) -> Landmarks:
    return Landmarks.find(image)


def blurred(image: np.ndarray, width: float) -> np.ndarray:
    return ndimage.gaussian_filter(image.real, width) + 1j * ndimage.gaussian_filter(image.imag, width)


def test_regions_lie_apart_inside_the_object(image: np.ndarray, landmarks: Landmarks) -> None:
    assert len(landmarks.regions) == REGIONS
    taken = np.zeros(image.shape, int)
    for row, column in landmarks.regions:
        taken[row : row + REGION, column : column + REGION] += 1
    assert taken.max() == 1
    assert (np.abs(image)[taken == 1] > 0.02 * np.abs(image).max()).mean() > 0.99


def test_an_unchanged_image_has_no_change_of_contrast_or_edges(image: np.ndarray, landmarks: Landmarks) -> None:
    assert landmarks.contrast_changes(image, image) == pytest.approx([0] * REGIONS)
    assert landmarks.rise_changes(image) == pytest.approx((0, 0))


def test_the_change_of_contrast_is_that_of_the_denoiser_and_not_of_the_noise(
    image: np.ndarray, landmarks: Landmarks
) -> None:
    rng = np.random.default_rng(0)
    noise = np.abs(image).max() * 0.1 * (rng.standard_normal(image.shape) + 1j * rng.standard_normal(image.shape))
    assert landmarks.contrast_changes(image + noise, image + noise) == pytest.approx([0] * REGIONS)
    changes = landmarks.contrast_changes(image + noise, image + noise + 0.02 * image)
    assert changes == pytest.approx([0.02] * REGIONS, abs=1e-3)


def test_wider_edges_have_a_longer_rise_and_noise_hardly_matters(image: np.ndarray, landmarks: Landmarks) -> None:
    slightly, strongly = (landmarks.rise_changes(blurred(image, width)) for width in (0.6, 1.2))
    assert 0.02 < slightly[0] < strongly[0]
    assert 0.02 < slightly[1] < strongly[1]
    rng = np.random.default_rng(0)
    noise = np.abs(image).max() * 0.02 * (rng.standard_normal(image.shape) + 1j * rng.standard_normal(image.shape))
    assert landmarks.rise_changes(image + noise) == pytest.approx((0, 0), abs=0.05)


def test_an_image_without_object_has_no_landmarks() -> None:
    landmarks = Landmarks.find(np.zeros((40, 40), np.complex64))
    assert landmarks.contrast_changes(landmarks.image, landmarks.image) == []
    assert np.isnan(landmarks.rise_changes(landmarks.image)).all()
