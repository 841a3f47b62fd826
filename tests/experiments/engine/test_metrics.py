from pathlib import Path

import numpy as np
import pytest
from fastmri import evaluate
from fastmri.data.transforms import center_crop

from recon.data.errors import InputError
from recon.experiments.engine.metrics import crop, score, score_as_fastmri, score_file

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
        score_file(Path("scan.h5"), TARGET, IMAGES[:2])


@pytest.mark.parametrize("size", [(24, 20), (23, 20), (24, 19), (7, 1)])
def test_images_are_cropped_as_fastmri_crops(size: tuple[int, int]) -> None:
    np.testing.assert_array_equal(crop(TARGET, *size), center_crop(TARGET, size))


@pytest.mark.parametrize("size", [(25, 20), (24, 21), (0, 20)])
def test_images_are_not_cropped_to_more_or_nothing(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be cropped"):
        crop(TARGET, *size)
