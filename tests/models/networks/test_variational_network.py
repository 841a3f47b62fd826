import pytest
import torch
from torch import Tensor, nn

from helpers.scans.objects import discs, object_acquisition, smooth_maps
from helpers.scans.slices import line_mask, random_kspace
from recon.coils import coil_combine, coil_expand
from recon.fourier import fft, ifft
from recon.models.blocks.unet import from_channels, to_channels
from recon.models.networks.variational_network import FieldsOfExperts, GradientStep, VariationalNetwork
from recon.solvers.encoding import Encoding
from recon.solvers.measured import Measured
from recon.solvers.problem import LeastSquares


def random_experts(filters: int = 4, kernel: int = 3) -> FieldsOfExperts:
    torch.manual_seed(0)
    experts = FieldsOfExperts(filters, kernel, basis_functions=15)
    nn.init.normal_(experts.activation.weights)
    return experts


def test_filters_have_zero_mean_and_unit_norm() -> None:
    kernels = random_experts(kernel=7).kernels()
    torch.testing.assert_close(kernels.mean((-2, -1)), torch.zeros(4, 2))
    torch.testing.assert_close(kernels.square().sum((1, 2, 3)), torch.ones(4))


def test_regulariser_is_the_gradient_of_a_potential() -> None:
    experts = random_experts()
    image = 0.2 * torch.randn(2, 6, 5)

    def gradient(channels: Tensor) -> Tensor:
        return to_channels(experts(from_channels(channels.unsqueeze(0)))).flatten()

    jacobian = torch.autograd.functional.jacobian(gradient, image).reshape(60, 60)
    assert jacobian.norm() > 0.1
    torch.testing.assert_close(jacobian, jacobian.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [(3, 0), (-2, 5)])
def test_regulariser_commutes_with_shifts(shift: tuple[int, int]) -> None:
    experts, image = random_experts(kernel=5), 0.2 * random_kspace(2, 12, 15)
    moved = experts(image.roll(shift, (-2, -1)))
    torch.testing.assert_close(moved, experts(image).roll(shift, (-2, -1)))


def test_regulariser_of_a_constant_image_is_zero() -> None:
    experts = FieldsOfExperts(6, 5, 31)
    assert experts(torch.full((1, 12, 12), 0.7 - 0.2j)).abs().max() < 1e-6


def test_with_zero_activations_the_steps_are_landweber_sense() -> None:
    full, mask = object_acquisition(coils=4, noise=1e-3), line_mask(60, center=10)
    kspace = torch.where(mask, full.kspace, 0)
    maps = smooth_maps(4, 64, 60)
    measured = Measured.of(kspace, mask)
    problem = LeastSquares(Encoding(maps.expand(1, 1, -1, -1, -1), measured.mask, measured.axes), measured.samples)
    step = GradientStep(FieldsOfExperts(2, 3, 5))
    nn.init.zeros_(step.regulariser.activation.weights)
    found = problem.encoding.adjoint(problem.measured)
    expected = coil_combine(ifft(kspace[0]), maps)
    for _ in range(8):
        found = step(found, problem)
        residual = torch.where(mask[0], fft(coil_expand(expected, maps)), 0) - kspace[0]
        expected = expected - coil_combine(ifft(residual), maps)
    torch.testing.assert_close(found[0, 0], expected, rtol=1e-3, atol=1e-4)


def test_untrained_network_is_closer_to_the_object_than_the_zero_filled_image() -> None:
    torch.manual_seed(0)
    full, mask = object_acquisition(), line_mask(60, center=10, every=3)
    kspace = torch.where(mask, full.kspace[None], 0)
    image = VariationalNetwork(num_cascades=10, filters=4, kernel=5)(kspace, mask)[0].detach()
    zero_filled = VariationalNetwork(num_cascades=0)(kspace, mask)[0]
    target = discs(64, 60)
    assert (image - target).norm() < 0.7 * (zero_filled - target).norm()


@pytest.mark.parametrize("kernel", [-3, 1, 4])
def test_even_and_too_small_filters_are_refused(kernel: int) -> None:
    with pytest.raises(ValueError, match="must be odd and at least 3"):
        VariationalNetwork(kernel=kernel)
