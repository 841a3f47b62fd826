import pytest
import torch
from torch import Tensor
from torch.nn.functional import instance_norm, leaky_relu

from helpers.torch_only import torch_only
from recon.kernels import kernels
from recon.models.blocks import instance_norm as subject
from recon.models.blocks.instance_norm import InstanceNormLeakyReLU

SHAPES = [(1, 3, 8, 6), (3, 5, 7, 9), (2, 18, 33, 40), (2, 1, 1, 2)]


def reference(features: Tensor) -> Tensor:
    return leaky_relu(instance_norm(features), 0.2)


def random_features(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype) * 3 + 1


@pytest.fixture(params=["in one part", "in parts", "as on a GPU"])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in parts":
        monkeypatch.setattr(subject, "CACHE_VALUES", 50)
    if request.param == "as on a GPU":
        monkeypatch.setattr(subject, "_images", lambda features: (features.permute(0, 2, 3, 1).flatten(2),))
        monkeypatch.setattr(subject, "_parts", lambda image: (image,))
        monkeypatch.setattr(subject, "_half_on_cpu", lambda _: False)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradient_equal_those_of_torchs_two_layers(
    shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    features = random_features(*shape).to(memory_format=layout).requires_grad_()
    expected = reference(features)
    direction = random_features(*shape)
    (gradient,) = torch.autograd.grad(expected, features, direction)
    result = InstanceNormLeakyReLU()(features * 1)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(torch.autograd.grad(result, features, direction)[0], gradient, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [*SHAPES[:3], (2, 18, 91, 80), (1, 301, 40, 30), (1, 1, 3, 200)])
def test_compiled_loops_equal_double_precision(shape: tuple[int, ...]) -> None:
    direction, features = random_features(*shape), random_features(*shape).float().requires_grad_()
    precise = features.detach().double().requires_grad_()
    result, expected = InstanceNormLeakyReLU()(features * 1), reference(precise)
    (gradient,) = torch.autograd.grad(result, features, direction.float())
    (right,) = torch.autograd.grad(expected, precise, direction)
    assert kernels(subject.LOOPS, features.detach()) is not None
    assert (result - expected).norm() < 1e-6 * expected.norm()
    assert (gradient - right).norm() < 5e-6 * right.norm()


def test_statistics_of_loops_do_not_trust_a_few_pixels() -> None:
    """A bright border, or a pattern as the sampled pixels have, puts the shift far from the mean."""
    features = random_features(1, 2, 64, 64)
    features[..., 0] += 1e4
    features = features.float()
    result, expected = InstanceNormLeakyReLU()(features.clone()), reference(features.double())
    assert (result - expected).norm() < 1e-6 * expected.norm()


def test_loops_and_torch_train_to_the_same_gradient() -> None:
    features, direction = random_features(2, 6, 40, 33, dtype=torch.float32), random_features(2, 6, 40, 33).float()

    def gradient() -> Tensor:
        leaf = features.clone().requires_grad_()
        return torch.autograd.grad(InstanceNormLeakyReLU()(leaf * 1), leaf, direction)[0]

    compiled = gradient()
    with torch_only():
        torch.testing.assert_close(compiled, gradient(), rtol=1e-5, atol=1e-6)


def test_values_that_are_not_finite_stay_so() -> None:
    features = torch.ones(1, 2, 8, 8)
    features[0, 0, 3, 3] = torch.nan
    result = InstanceNormLeakyReLU()(features)
    assert result[0, 0].isnan().all()
    assert torch.equal(result[0, 1], torch.zeros(8, 8))


def test_error_in_single_precision_does_not_grow_with_the_image_or_its_mean() -> None:
    features = random_features(1, 4, 320, 320) + 30
    expected = reference(features)
    result = InstanceNormLeakyReLU()(features.float()).double()
    assert (result - expected).norm() < 5e-6 * expected.norm()


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_loses_only_the_rounding_of_input_and_output(dtype: torch.dtype) -> None:
    features = random_features(2, 6, 64, 64, dtype=dtype) + 20
    expected = reference(features.double())
    result = InstanceNormLeakyReLU()(features.clone())
    assert result.dtype == dtype
    assert (result.double() - expected).norm() < torch.finfo(dtype).eps * expected.norm()


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_gradient_in_half_precision_equals_that_of_the_rounded_values(dtype: torch.dtype) -> None:
    features = random_features(2, 6, 64, 64, dtype=dtype).requires_grad_()
    direction = torch.randn(features.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    (gradient,) = torch.autograd.grad(InstanceNormLeakyReLU()(features * 1), features, direction)
    precise = features.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(reference(precise), precise, direction.double())
    assert gradient.dtype == dtype
    assert (gradient.double() - expected).norm() < 2 * torch.finfo(dtype).eps * expected.norm()


def test_constant_channel_becomes_zero_with_a_finite_gradient() -> None:
    features = torch.full((1, 2, 6, 6), 4.0, requires_grad=True)
    result = InstanceNormLeakyReLU()(features * 1)
    result.sum().backward()
    assert torch.equal(result, torch.zeros(1, 2, 6, 6))
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_only_the_output_is_stored_for_the_backward_pass() -> None:
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    features = random_features(1, 3, 16, 16).to(memory_format=torch.channels_last).requires_grad_() * 1
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = InstanceNormLeakyReLU()(features)
    large = [tensor for tensor in kept if tensor.numel() > 3]
    assert [tensor.data_ptr() for tensor in large] == [result.data_ptr()]


def test_shapes_are_right_on_the_meta_device() -> None:
    features = torch.empty(2, 3, 8, 8, device="meta", requires_grad=True)
    result = InstanceNormLeakyReLU()(features * 1)
    result.sum().backward()
    assert result.shape == features.shape
    assert features.grad is not None
    assert features.grad.shape == features.shape
