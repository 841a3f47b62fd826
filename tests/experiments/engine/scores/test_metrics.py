from pathlib import Path

import numpy as np
import pytest
from fastmri import evaluate
from fastmri.data.transforms import center_crop
from scipy import ndimage

from recon.data.errors import InputError
from recon.experiments.engine.scores.metrics import (
    crop,
    foreground,
    score,
    score_as_fastmri,
    score_file,
    score_foreground,
)
from recon.simulation.raw_files import simulate_volume

GENERATOR = np.random.default_rng(0)
TARGET = GENERATOR.random((3, 24, 20), dtype=np.float32)
IMAGES = TARGET + 0.1 * GENERATOR.random((3, 24, 20), dtype=np.float32)


def test_scores_equal_fastmris_on_fastmris_crop() -> None:
    target, images = (center_crop(stack, (20, 20)) for stack in (TARGET, IMAGES))
    ours = score_as_fastmri(TARGET, IMAGES)
    assert ours.ssim == pytest.approx(float(evaluate.ssim(target, images)[0]))
    assert ours.psnr == pytest.approx(float(evaluate.psnr(target, images)))
    assert ours.nmse == pytest.approx(float(evaluate.nmse(target, images)))


def test_different_sizes_are_compared_over_the_common_field() -> None:
    assert score(TARGET, center_crop(TARGET, (16, 18))).ssim == pytest.approx(1)


def test_a_perfect_image_has_no_error() -> None:
    perfect = score(TARGET, TARGET)
    assert (perfect.ssim, perfect.psnr, perfect.nmse) == (pytest.approx(1), np.inf, 0)


def test_images_that_do_not_match_are_an_error_with_the_file() -> None:
    with pytest.raises(ValueError, match="2 images do not match 3 targets"):
        score(TARGET, IMAGES[:2])
    with pytest.raises(ValueError, match="window of SSIM"):
        score(TARGET[..., :5], IMAGES)
    with pytest.raises(InputError, match=r"^scan\.h5: 2 images"):
        score_file(Path("scan.h5"), TARGET, IMAGES[:2], score)


@pytest.mark.parametrize("snr", [15, 50, 500])
def test_the_foreground_is_the_head_and_nothing_else(snr: float) -> None:
    volume = simulate_volume((160, 128), 2, 8, snr, np.random.default_rng(5))
    truth = np.abs(volume.image)
    found, tissue = foreground(volume.target), truth > 0.1 * truth.max()
    assert found[tissue].mean() > 0.95
    assert found[~ndimage.binary_dilation(tissue, np.ones((1, 3, 3)), iterations=8)].mean() < 0.02
    assert found.mean() < 0.9


def test_holes_in_the_foreground_are_filled() -> None:
    target = np.zeros((1, 64, 64), np.float32)
    target[0, 12:52, 12:52] = 1
    target[0, 24:40, 24:40] = 0
    assert foreground(target)[0, 32, 32]
    assert not foreground(target)[0, :8].any()


def test_the_air_does_not_count_in_scores_over_the_foreground() -> None:
    volume = simulate_volume((96, 96), 1, 4, 100, np.random.default_rng(5))
    generator, inside = (
        np.random.default_rng(0),
        ndimage.binary_dilation(foreground(volume.target), np.ones((1, 3, 3)), iterations=4),
    )
    noise = 0.05 * volume.target.max() * generator.standard_normal(volume.target.shape, dtype=np.float32)
    images, spoiled = volume.target + noise, volume.target + noise * np.where(inside, 1, 10).astype(np.float32)
    assert score_foreground(volume.target, spoiled) == score_foreground(volume.target, images)
    assert score(volume.target, spoiled).psnr < score(volume.target, images).psnr - 5
    assert score_foreground(volume.target, images).psnr == pytest.approx(-20 * np.log10(0.05), abs=0.2)


def test_a_perfect_foreground_has_no_error_and_none_has_no_score() -> None:
    assert score_foreground(TARGET, TARGET).psnr == np.inf
    assert np.isnan(score_foreground(np.ones_like(TARGET), IMAGES).psnr)


@pytest.mark.parametrize("size", [(24, 20), (23, 20), (24, 19), (7, 1)])
def test_images_are_cropped_as_fastmri_crops(size: tuple[int, int]) -> None:
    np.testing.assert_array_equal(crop(TARGET, *size), center_crop(TARGET, size))


@pytest.mark.parametrize("size", [(25, 20), (24, 21), (0, 20)])
def test_images_are_not_cropped_to_more_or_nothing(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be cropped"):
        crop(TARGET, *size)
