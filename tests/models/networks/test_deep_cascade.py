import pytest
import torch
from torch import Tensor, nn

from helpers.scans.slices import line_mask, random_kspace
from recon.coils import rss
from recon.models.networks.deep_cascade import DataConsistency, DealiasingStep, DeepCascade
from recon.solvers.encoding import Encoding
from recon.solvers.problem import LeastSquares


def problem(coils: int = 3) -> LeastSquares:
    maps, mask = random_kspace(2, coils, 16, 20, seed=3), line_mask(20, batch=2)
    measured = torch.where(mask, random_kspace(2, coils, 16, 20), 0)
    return LeastSquares(Encoding((maps / rss(maps).unsqueeze(1)).unsqueeze(1), mask, (-1,)), measured)


def set_to_zero(network: nn.Module) -> None:
    for parameter in network.parameters():
        nn.init.zeros_(parameter)


def test_exact_data_consistency_restores_measured_samples_and_keeps_the_rest() -> None:
    given, predicted = problem(), random_kspace(2, 3, 16, 20, seed=1)
    mask, consistent = given.encoding.mask, DataConsistency()(predicted, given)
    assert torch.equal(torch.where(mask, consistent, 0), given.measured)
    assert torch.equal(torch.where(mask, 0, consistent), torch.where(mask, 0, predicted))


@pytest.mark.parametrize("lamda", [0.1, 1.0, 30.0])
def test_noise_weighted_data_consistency_minimises_the_papers_objective(lamda: float) -> None:
    given, predicted = problem(), random_kspace(2, 3, 16, 20, seed=1)

    def objective(kspace: Tensor) -> Tensor:
        residual = torch.where(given.encoding.mask, kspace - given.measured, 0)
        return (kspace - predicted).abs().square().sum() + lamda * residual.abs().square().sum()

    consistent = DataConsistency(lamda)(predicted, given).detach().requires_grad_()
    objective(consistent).backward()
    assert consistent.grad.abs().max() < 1e-4 * (1 + lamda)


def test_a_large_noise_weight_is_exact_data_consistency() -> None:
    given, predicted = problem(), random_kspace(2, 3, 16, 20, seed=1)
    torch.testing.assert_close(DataConsistency(1e9)(predicted, given), DataConsistency()(predicted, given))


def test_noise_weight_is_learned_and_must_be_positive() -> None:
    layer, given = DataConsistency(1.0), problem()
    layer(random_kspace(2, 3, 16, 20, seed=1), given).abs().square().sum().backward()
    assert layer.log_lamda.grad.isfinite()
    assert layer.log_lamda.grad != 0
    with pytest.raises(ValueError, match="must be positive"):
        DataConsistency(0.0)


def test_a_step_with_zero_weights_only_restores_data_consistency() -> None:
    step, given = DealiasingStep(layers=3, chans=4, noise_weight=None), problem()
    set_to_zero(step.network)
    kspace = random_kspace(2, 3, 16, 20, seed=5)
    expected = DataConsistency()(given.encoding.coil_kspace(given.encoding.combine(kspace)), given)
    torch.testing.assert_close(step(kspace, given), expected)


def test_with_one_coil_and_zero_weights_the_image_stays_zero_filled() -> None:
    network, mask = DeepCascade(num_cascades=3, layers=2, chans=2), line_mask(20)
    set_to_zero(network)
    kspace = torch.where(mask, random_kspace(1, 1, 16, 20), 0)
    expected = torch.fft.ifft2(torch.fft.ifftshift(kspace, (-2, -1)), norm="ortho").abs()
    torch.testing.assert_close(network(kspace, mask), torch.fft.fftshift(expected, (-2, -1))[:, 0])


def test_convolutions_have_the_layers_and_channels_of_the_paper() -> None:
    shapes = [tuple(p.shape) for name, p in DeepCascade(1, 5, 64).named_parameters() if name.endswith("weight")]
    assert shapes == [(64, 2, 3, 3), *[(64, 64, 3, 3)] * 3, (2, 64, 3, 3)]
