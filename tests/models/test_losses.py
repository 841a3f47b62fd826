import fastmri
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from models.losses import ssim_loss


def images(seed: int, *shape: int) -> Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return noise.cumsum(-1).abs()


def test_loss_and_gradient_are_fastmris() -> None:
    ours, theirs = (images(0, 2, 20, 24).requires_grad_() for _ in range(2))
    target = images(1, 2, 20, 24)
    largest = target.amax((1, 2))
    expected = fastmri.SSIMLoss().double()(theirs.unsqueeze(1), target.unsqueeze(1), largest)
    loss = ssim_loss(ours, target, largest)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_loss_of_one_image_is_one_minus_the_metric() -> None:
    image, target = images(0, 1, 30, 20), images(1, 1, 30, 20)
    largest = target.max()
    metric = structural_similarity(target[0].numpy(), image[0].numpy(), data_range=float(largest))
    assert float(ssim_loss(image, target, largest[None])) == pytest.approx(1 - metric, rel=1e-10)


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e12])
def test_loss_does_not_depend_on_the_scale_in_single_precision(scale: float) -> None:
    image, target = images(0, 1, 30, 20).float(), images(1, 1, 30, 20).float()
    largest = target.amax((1, 2))
    expected = ssim_loss(image, target, largest)
    torch.testing.assert_close(
        ssim_loss(scale * image, scale * target, scale * largest), expected, rtol=1e-4, atol=1e-4
    )


def test_equal_images_have_no_loss_even_if_empty() -> None:
    image = images(0, 2, 20, 20)
    image[1] = 0
    assert float(ssim_loss(image, image, image.amax((1, 2)))) == pytest.approx(0, abs=1e-12)
