"""Winograd's convolution with a soft shrinkage, in compiled loops."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from helpers.torch_only import torch_only
from recon.kernels import kernels
from recon.models.blocks.winograd import LOOPS, winograd
from recon.models.networks.postprocessing.dlr import Dlr

CHANNELS = 48


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def formula(values: Tensor, weights: list[Tensor], thresholds: list[Tensor], levels: Tensor) -> Tensor:
    precise = values.double()
    for weight, threshold in zip(weights, thresholds, strict=True):
        precise = conv2d(precise, weight.double(), padding=1)
        limits = threshold.double()[:, None, None] * levels.double()
        precise = precise.sign() * (precise.abs() - limits).clamp(min=0)
    return precise


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (5, 3), (13, 50), (41, 64)])
@pytest.mark.parametrize("level", [(1, 1), (2, 1), (1, 0), (2, 0)], ids=["one", "each", "map", "maps"])
def test_it_equals_convolutions_and_shrinkages_in_double_precision(
    shape: tuple[int, int], level: tuple[int, int]
) -> None:
    values, count = draw(2, CHANNELS, *shape), 3
    weights = [0.05 * draw(CHANNELS, CHANNELS, 3, 3) for _ in range(count)]
    thresholds = [0.2 * draw(CHANNELS).abs() for _ in range(count)]
    levels = draw(level[0], 1, *((1, 1) if level[1] else shape)).abs()
    loops = kernels(LOOPS, values)
    assert loops is not None
    expected = formula(values, weights, thresholds, levels)
    assert (winograd(loops, values, weights, thresholds, levels) - expected).norm() < 1e-5 * expected.norm()


def test_the_network_gives_the_same_image_with_and_without_the_loops() -> None:
    torch.manual_seed(0)
    network, image, noise = Dlr(4), draw(2, 30, 41) + 1j * draw(2, 41, 30).mT, draw(2, 30, 41).abs()
    with torch.no_grad():
        for weight in network.weights:
            weight.add_(0.03 * draw(*weight.shape))
        ours = network(image, noise)
        with torch_only():
            plain = network(image, noise)
    assert not torch.equal(ours, plain)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours, network(image, noise).detach(), rtol=1e-4, atol=1e-5)


def test_nan_stays_nan() -> None:
    image = torch.zeros(1, 20, 20)
    image[0, 3, 5] = torch.nan
    with torch.no_grad():
        assert Dlr(2)(image, torch.ones(1, 1, 1))[0, 3, 5].isnan()
