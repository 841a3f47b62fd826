import pytest
import torch

from recon.models.blocks.radial_basis import INITIAL_SLOPE, REACH, RadialBasis


def gaussians(layer: RadialBasis, responses: torch.Tensor) -> torch.Tensor:
    count = layer.weights.shape[1]
    centres = torch.linspace(-REACH, REACH, count)
    width = 2 * REACH / (count - 1)
    basis = torch.exp(-((responses.unsqueeze(-1) - centres) ** 2) / (2 * width**2))
    return torch.einsum("bcrpj,cj->bcrp", basis, layer.weights)


def random_layer(channels: int = 3, count: int = 31) -> RadialBasis:
    torch.manual_seed(0)
    layer = RadialBasis(channels, count)
    torch.nn.init.normal_(layer.weights)
    return layer


@pytest.mark.parametrize("count", [2, 7, 31])
def test_values_and_gradients_equal_those_of_the_sum_of_gaussians(count: int) -> None:
    layer = random_layer(count=count)
    responses = (torch.randn(2, 3, 40, 30) * 0.7).requires_grad_()
    weighting = torch.randn(2, 3, 40, 30)
    found, expected = layer(responses), gaussians(layer, responses)
    assert (found - expected).abs().max() < layer.weights.abs().max() / 1000
    found_gradients = torch.autograd.grad((found * weighting).sum(), [responses, layer.weights])
    gradients = torch.autograd.grad((expected * weighting).sum(), [responses, layer.weights])
    for ours, exact in zip(found_gradients, gradients, strict=True):
        assert (ours - exact).norm() < 0.03 * exact.norm()


def test_it_starts_as_a_straight_line() -> None:
    responses = torch.linspace(-0.8, 0.8, 50).expand(1, 2, 1, 50) * REACH
    torch.testing.assert_close(RadialBasis(2, 31)(responses), INITIAL_SLOPE * responses, rtol=0.01, atol=1e-4)


def test_far_responses_give_zero_and_nan_gives_nan() -> None:
    layer = random_layer()
    far = torch.tensor([-1e9, -3 * REACH, 3 * REACH, 1e9, torch.inf]).expand(1, 3, 1, 5)
    assert layer(far).abs().max() < 1e-2
    assert layer(torch.full((1, 3, 1, 1), torch.nan)).isnan().all()


def test_each_channel_has_its_own_function() -> None:
    layer = random_layer(channels=2)
    responses = torch.linspace(-1, 1, 20).expand(1, 2, 1, 20)
    first, second = layer(responses)[0]
    assert not torch.allclose(first, second)
    torch.nn.init.zeros_(layer.weights)
    assert not layer(responses).any()


def test_fewer_than_two_functions_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 basis functions, not 1"):
        RadialBasis(3, 1)
