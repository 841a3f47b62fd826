"""Properties of the denoising network that hold by construction, for any weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from recon.models.networks.postprocessing.dlr import FREQUENCIES, WINDOW, Dlr, cosine_filters

LAYERS = 3
REACH = LAYERS + 2 * (WINDOW - 1)
"""Number of pixels beyond which nothing has an influence."""


def random_network(layers: int = LAYERS) -> Dlr:
    """Return a network whose weights are far from those it starts with."""
    torch.manual_seed(0)
    network = Dlr(layers).double()
    with torch.no_grad():
        for weight, threshold in zip(network.weights, network.thresholds[1:], strict=True):
            weight.normal_(0, 0.05)
            threshold.normal_(0, 0.2)
    return network


def noisy(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


def level(sigma: float) -> Tensor:
    return torch.full((1, 1, 1), sigma, dtype=torch.float64)


def test_the_published_network_has_as_many_weights_and_thresholds() -> None:
    network = Dlr()
    assert sum(weight.numel() for weight in network.weights) == 456_192
    assert sum(threshold.numel() for threshold in network.thresholds) == 1_104
    assert sum(values.numel() for values in network.state_dict().values()) == 456_192 + 1_104


def test_the_cosines_are_an_orthonormal_basis_of_the_window() -> None:
    filters = cosine_filters().reshape(FREQUENCIES, -1)
    torch.testing.assert_close(filters @ filters.T, torch.eye(FREQUENCIES, dtype=torch.float64))
    torch.testing.assert_close(filters[0], torch.full_like(filters[0], 1 / WINDOW))


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 20), columns=st.integers(1, 20), is_complex=st.booleans())
def test_untouched_coefficients_give_the_image(rows: int, columns: int, is_complex: bool) -> None:
    network = Dlr(LAYERS).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for weight in network.weights:
            weight[:, :, 1, 1] = torch.eye(FREQUENCIES - 1)
    image = noisy(2, rows, columns, dtype=torch.complex128 if is_complex else torch.float64)
    torch.testing.assert_close(network(image, level(0.3)), image, atol=1e-12, rtol=0)


@pytest.mark.parametrize("factor", [1e-7, 3.0, 1e7])
def test_the_result_scales_with_image_and_noise(factor: float) -> None:
    network, image, sigma = random_network(), noisy(2, 24, 30), 0.1 + noisy(2, 24, 30).abs()
    expected = network(image, sigma)
    torch.testing.assert_close(network(factor * image, factor * sigma) / factor, expected)
    assert not torch.allclose(network(factor * image, sigma) / factor, expected)


def test_the_zero_frequency_passes_unchanged() -> None:
    network, image = random_network(), noisy(1, 20, 24)
    constant = network(torch.full_like(image, 5.0), level(0.3))
    torch.testing.assert_close(constant, torch.full_like(image, 5.0), atol=1e-12, rtol=0)
    torch.testing.assert_close(network(image + 5, level(0.3)), network(image, level(0.3)) + 5, atol=1e-12, rtol=0)


def test_the_mean_of_an_image_stays() -> None:
    network, image = random_network(), torch.zeros(1, 64, 72, dtype=torch.float64)
    image[:, REACH:-REACH, REACH:-REACH] = 1 + noisy(64 - 2 * REACH, 72 - 2 * REACH)
    denoised = network(image, level(0.3))
    assert (denoised - image).norm() > 0.1 * image.norm()
    torch.testing.assert_close(denoised.mean(), image.mean(), atol=1e-12, rtol=0)


def test_air_without_noise_stays_zero() -> None:
    assert not random_network()(torch.zeros(1, 20, 20, dtype=torch.complex128), level(0.0)).any()


def test_a_complex_image_is_two_images() -> None:
    network, image = random_network(), noisy(2, 20, 24, dtype=torch.complex128)
    sigma = 0.1 + noisy(2, 20, 24).abs()
    expected = torch.complex(network(image.real, sigma), network(image.imag, sigma))
    torch.testing.assert_close(network(image, sigma), expected)


def test_a_constant_map_of_the_noise_is_its_level() -> None:
    network, image = random_network(), noisy(1, 20, 24)
    torch.testing.assert_close(network(image, level(0.3).expand(1, 20, 24)), network(image, level(0.3)))


def test_a_map_of_the_noise_acts_where_it_is_high() -> None:
    network, image = random_network(), noisy(1, 20, 80)
    sigma = level(0.1).repeat(1, 20, 80)
    sigma[..., 40:] = 0.4
    denoised = network(image, sigma)
    far = slice(0, 40 - REACH), slice(40 + REACH, 80)
    for columns, value in zip(far, (0.1, 0.4), strict=True):
        torch.testing.assert_close(denoised[..., columns], network(image, level(value))[..., columns])


def test_images_of_a_batch_are_independent() -> None:
    network, images = random_network(), noisy(3, 20, 24)
    alone = torch.cat([network(image[None], level(0.3)) for image in images])
    torch.testing.assert_close(network(images, level(0.3)), alone)


def test_gradients_are_those_of_the_formula() -> None:
    network, image = random_network(1), noisy(1, 8, 8)
    names, values = zip(*network.named_parameters(), strict=True)

    def denoised(*parameters: Tensor) -> Tensor:
        return torch.func.functional_call(network, dict(zip(names, parameters, strict=True)), (image, level(0.3)))

    assert torch.autograd.gradcheck(denoised, values, fast_mode=True)


def test_every_weight_has_a_finite_nonzero_gradient() -> None:
    network, image = Dlr(LAYERS), noisy(1, 40, 40).float()
    network(image, level(1.0).float()).square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.ne(0).any()


def test_results_with_and_without_gradients_are_equal() -> None:
    network, image = random_network(), noisy(1, 20, 24, dtype=torch.complex128)
    kept = image.clone()
    with torch.no_grad():
        denoised = network(image, level(0.3))
    torch.testing.assert_close(denoised, network(image, level(0.3)))
    assert torch.equal(image, kept)
