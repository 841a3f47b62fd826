import pytest
import torch
from torch import nn

from recon.experiments.training.optimization.muon import SCALE, Muon, orthogonalised


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (16, 16)])
def test_singular_values_become_nearly_equal_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.mT @ orthogonalised(1e-5 * matrix) @ right.mT
    assert values.max() > 1.3 * values.min()
    assert (turned.diagonal() > 0.6).all()
    assert (turned.diagonal() < 1.3).all()
    assert (turned - turned.diagonal().diag()).abs().max() < 1e-4


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert not orthogonalised(torch.zeros(3, 4)).any()


def test_the_first_update_of_a_kernel_has_the_size_of_adams_whatever_the_scale_of_the_gradient() -> None:
    kernel = nn.Parameter(torch.zeros(32, 32, 3, 3))
    optimizer = Muon([kernel], lr=0.5)
    kernel.grad = 1e3 * torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert kernel.detach().square().mean().sqrt() == pytest.approx(0.5 * SCALE, rel=0.2)


def test_vectors_are_updated_as_by_adamw() -> None:
    weights = [nn.Parameter(torch.linspace(-1, 1, 7)) for _ in range(2)]
    optimizers = (
        Muon([weights[0]], lr=0.1, weight_decay=0.2),
        torch.optim.AdamW([weights[1]], lr=0.1, weight_decay=0.2),
    )
    for step in range(5):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = weight.detach().cos() + step
            optimizer.step()
    assert torch.allclose(*weights, rtol=1e-4)
