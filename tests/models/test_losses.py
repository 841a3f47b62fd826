import math

import fastmri
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from helpers.scans.slices import line_mask, random_kspace
from recon.models.losses import (
    LOSSES,
    detail_loss,
    kspace_loss,
    l1_loss,
    psnr_loss,
    ssim_loss,
    wavelet_loss,
    weighted_loss,
)


def images(seed: int, *shape: int) -> Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return noise.cumsum(-1).abs()


def test_ssim_loss_and_its_gradient_equal_fastmris() -> None:
    ours, theirs = (images(0, 2, 20, 24).requires_grad_() for _ in range(2))
    target = images(1, 2, 20, 24)
    largest = target.amax((1, 2))
    expected = fastmri.SSIMLoss().double()(theirs.unsqueeze(1), target.unsqueeze(1), largest)
    loss = ssim_loss(ours, target, largest)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_ssim_loss_is_one_minus_the_metric() -> None:
    image, target = images(0, 1, 30, 20), images(1, 1, 30, 20)
    largest = target.max()
    metric = structural_similarity(target[0].numpy(), image[0].numpy(), data_range=float(largest))
    assert float(ssim_loss(image, target, largest[None])) == pytest.approx(1 - metric, rel=1e-10)


def test_psnr_loss_is_minus_the_metric_averaged_in_decibels() -> None:
    image, target = images(0, 2, 30, 20), images(1, 2, 30, 20)
    largest = target.amax((1, 2))
    metrics = [
        peak_signal_noise_ratio(true.numpy(), seen.numpy(), data_range=float(most))
        for true, seen, most in zip(target, image, largest, strict=True)
    ]
    assert float(psnr_loss(image, target, largest)) == pytest.approx(-sum(metrics) / 2, rel=1e-10)


def test_psnr_loss_of_a_black_slice_is_finite() -> None:
    black = torch.zeros(1, 20, 20, requires_grad=True)
    psnr_loss(black, black.detach(), torch.zeros(1)).backward()
    assert torch.equal(black.grad, torch.zeros_like(black))


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e12])
def test_ssim_loss_does_not_depend_on_the_scale_in_single_precision(scale: float) -> None:
    image, target = images(0, 1, 30, 20).float(), images(1, 1, 30, 20).float()
    largest = target.amax((1, 2))
    expected = ssim_loss(image, target, largest)
    torch.testing.assert_close(
        ssim_loss(scale * image, scale * target, scale * largest), expected, rtol=1e-4, atol=1e-4
    )


def test_ssim_loss_of_equal_images_is_zero_even_if_empty() -> None:
    image = images(0, 2, 20, 20)
    image[1] = 0
    assert float(ssim_loss(image, image, image.amax((1, 2)))) == pytest.approx(0, abs=1e-12)


def test_kspace_loss_is_two_for_zeros_and_linear_in_the_error() -> None:
    measured, mask = random_kspace(3, 2, 8, 24), line_mask(24, batch=3)
    assert float(kspace_loss(0 * measured, measured, mask)) == pytest.approx(2)
    assert float(kspace_loss(measured, measured, mask)) == 0
    assert float(kspace_loss(1.25 * measured, measured, mask)) == pytest.approx(0.5)


def test_kspace_loss_depends_on_the_masked_samples_alone() -> None:
    measured, mask = random_kspace(1, 2, 8, 24), line_mask(24)
    predicted = random_kspace(1, 2, 8, 24, seed=1).requires_grad_()
    loss = kspace_loss(predicted, measured, mask)
    loss.backward()
    assert torch.equal((predicted.grad != 0).any(dim=(0, 1, 2)), mask.flatten())
    torch.testing.assert_close(
        kspace_loss(torch.where(mask, predicted, 7), torch.where(mask, measured, 3), mask), loss
    )


@pytest.mark.parametrize("scale", [1e-9, 1e7])
def test_kspace_loss_does_not_depend_on_the_scale(scale: float) -> None:
    measured, predicted, mask = random_kspace(2, 2, 8, 24), random_kspace(2, 2, 8, 24, seed=1), line_mask(24)
    expected = kspace_loss(predicted, measured, mask)
    torch.testing.assert_close(kspace_loss(scale * predicted, scale * measured, mask), expected)


def test_kspace_loss_of_an_empty_slice_has_finite_gradients() -> None:
    predicted = torch.zeros(1, 2, 8, 24, dtype=torch.complex64, requires_grad=True)
    kspace_loss(predicted, torch.zeros(1, 2, 8, 24, dtype=torch.complex64), line_mask(24)).backward()
    assert predicted.grad.isfinite().all()


def test_l1_loss_is_in_units_of_the_data_range() -> None:
    target = images(0, 2, 20, 24)
    largest = target.amax((1, 2))
    shifted = target + 0.1 * largest[:, None, None]
    assert float(l1_loss(shifted, target, largest)) == pytest.approx(0.1)


def test_weighted_loss_is_the_sum_of_weighted_losses() -> None:
    image, target = images(0, 2, 20, 24), images(1, 2, 20, 24)
    largest = target.amax((1, 2))
    weights = {"ssim": 1.0, "l1": 0.1}
    expected = sum(weight * LOSSES[name](image, target, largest) for name, weight in weights.items())
    torch.testing.assert_close(weighted_loss(weights, image, target, largest), expected)


def fine_pattern(contrast: float) -> torch.Tensor:
    """Return a disc with a checkerboard of a contrast, `(1, 32, 32)`."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    return ((torch.hypot(x, y) < 0.8) * (1 + contrast * (-1.0) ** torch.arange(32)[:, None]))[None]


@pytest.mark.parametrize("loss", [wavelet_loss, detail_loss])
def test_losses_of_detail_are_zero_for_equal_images_and_do_not_depend_on_the_scale(loss) -> None:
    image, target = images(0, 2, 20, 24), images(1, 2, 20, 24)
    largest = target.amax((1, 2))
    assert float(loss(target, target, largest)) == 0
    torch.testing.assert_close(loss(1e6 * image, 1e6 * target, 1e6 * largest), loss(image, target, largest))


@pytest.mark.parametrize("loss", [wavelet_loss, detail_loss])
def test_losses_of_detail_grow_as_detail_fades(loss) -> None:
    target, unit = fine_pattern(0.3), torch.ones(1)
    faded = [float(loss(fine_pattern(contrast), target, unit)) for contrast in (0.3, 0.2, 0.1, 0.0)]
    assert faded == sorted(faded)
    assert faded[0] == 0


def test_a_change_of_brightness_costs_no_wavelet_loss() -> None:
    target, unit = images(1, 2, 20, 24), torch.ones(2)
    assert float(wavelet_loss(target + 0.5, target, unit)) == pytest.approx(0, abs=1e-6)


def test_detail_loss_is_the_missing_energy_in_decibels() -> None:
    target = images(1, 2, 64, 64)
    assert float(detail_loss(target / 2, target, torch.ones(2))) == pytest.approx(20 * math.log10(2), rel=1e-3)


@pytest.mark.parametrize("loss", [wavelet_loss, detail_loss])
def test_losses_of_detail_have_finite_gradients_on_black_slices(loss) -> None:
    image = torch.zeros(1, 20, 24, requires_grad=True)
    loss(image, torch.zeros(1, 20, 24), torch.zeros(1)).backward()
    assert image.grad.isfinite().all()
