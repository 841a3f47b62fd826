import pytest
import torch
from torch import Tensor

from helpers.scans.slices import random_kspace
from recon.models.blocks.blend import RADII, Blend, _bands
from recon.models.blocks.refinement import Estimate

SHAPE = (2, 2, 18, 21)


def estimates(scale: float = 1.0) -> tuple[Estimate, Tensor, Tensor]:
    """Return a first estimate, and images before and after the last cascade."""
    start, before, last = (scale * random_kspace(*SHAPE, seed=seed) for seed in range(3))
    noise = torch.full((2, *SHAPE[2:]), 0.1 * scale)
    return Estimate(start, noise, torch.tensor([4.0, 8.0])), before, last


def constant(weight: float) -> Blend:
    """Return a blend with the same weight in every band."""
    blend = Blend()
    with torch.no_grad():
        blend.trust[-1].weight.zero_()
        blend.trust[-1].bias.fill_(weight - 1)
    return blend


def trained() -> Blend:
    """Return a blend with a weight of its own for every slice and band."""
    blend = Blend()
    torch.nn.init.normal_(blend.trust[-1].weight, generator=torch.Generator().manual_seed(0))
    return blend


@pytest.mark.parametrize("matrix", [(18, 21), (64, 48), (4, 2)])
def test_bands_add_up_to_one_and_peak_at_their_radii(matrix: tuple[int, int]) -> None:
    bands = _bands(matrix, torch.float32, torch.device("cpu"))
    torch.testing.assert_close(bands.sum(0), torch.ones(matrix))
    assert bands.min() >= 0
    assert bands[:, 0, 0].tolist() == [1, *[0] * (len(RADII) - 1)]
    assert bands[-1, matrix[0] // 2, matrix[1] // 2] == 1  # the corner


def test_before_training_the_last_images_change_little() -> None:
    first, before, last = estimates()
    assert (Blend()(first, before, last) - last).norm() < 0.05 * (last - first.images).norm()


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.5])
def test_equal_weights_go_that_far_from_the_first_estimate(weight: float) -> None:
    first, before, last = estimates()
    blended = constant(weight)(first, before, last)
    torch.testing.assert_close(blended, first.images + weight * (last - first.images))


def test_brightness_does_not_matter() -> None:
    blend = trained()
    torch.testing.assert_close(blend(*estimates(1e-6)) * 1e6, blend(*estimates()), rtol=1e-3, atol=1e-4)


def test_slices_of_a_batch_are_independent() -> None:
    blend, (first, before, last) = trained(), estimates()
    together = blend(first, before, last)
    for one in range(2):
        part = slice(one, one + 1)
        alone = Estimate(first.images[part], first.noise[part], first.acceleration[part])
        torch.testing.assert_close(blend(alone, before[part], last[part]), together[part])


def test_what_differs_in_a_band_changes_that_band_alone() -> None:
    first, before, last = estimates()
    with torch.no_grad():
        blend = Blend()
        blend.trust[0].weight.zero_()
        blend.trust[0].bias.zero_()
        blend.trust[0].weight[0, 6] = 40.0  # a step in the radius
        blend.trust[0].bias[0] = -40 * (RADII[-1] - 0.05)
        blend.trust[-1].weight.zero_()
        blend.trust[-1].weight[0, 0] = 0.5
        blend.trust[-1].bias[0] = 0.5 - 1
    change = torch.fft.fft2(blend(first, before, last) - first.images) / torch.fft.fft2(last - first.images)
    centre, corner = change[..., 0, 0], change[..., SHAPE[-2] // 2, SHAPE[-1] // 2]
    torch.testing.assert_close(centre.abs(), torch.zeros_like(centre.abs()), atol=1e-3, rtol=0)
    assert corner.abs().min() > 0.9


def test_black_images_stay_black() -> None:
    nothing = torch.zeros(SHAPE, dtype=torch.complex64)
    first = Estimate(nothing, torch.zeros(2, *SHAPE[2:]), torch.ones(2))
    assert torch.equal(trained()(first, nothing, nothing), nothing)


def test_gradients_reach_the_weights_and_the_images() -> None:
    first, before, last = estimates()
    blend = trained()
    last.requires_grad_()
    blend(first, before, last).abs().square().sum().backward()
    assert last.grad is not None
    assert last.grad.isfinite().all()
    assert last.grad.abs().sum() > 0
    assert all(one.grad is not None and one.grad.isfinite().all() for one in blend.parameters())
