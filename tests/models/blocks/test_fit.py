from dataclasses import replace

import pytest
import torch

from helpers.scans.slices import line_mask, random_kspace
from recon.coils import divide_by_rss
from recon.models.blocks.fit import LearnedOperator, fit
from recon.solvers.encoding import Encoding


def encoding(coils: int = 3) -> Encoding:
    maps = divide_by_rss(random_kspace(2, 1, coils, 6, 8, seed=3, dtype=torch.complex128))
    return Encoding(maps, line_mask(8, center=4, batch=2), axes=(-1,))


def test_gradient_equals_that_of_the_exact_solution() -> None:
    A = encoding()
    data = A.adjoint(random_kspace(2, 3, 6, 8, dtype=torch.complex128))
    denoised = random_kspace(2, 1, 6, 8, seed=5, dtype=torch.complex128).requires_grad_()
    lamda = torch.tensor([0.3, 0.5], dtype=torch.float64).reshape(2, 1, 1, 1).requires_grad_()

    def layer(z: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return fit(A.normal, data, z, weight, 40)

    assert torch.autograd.gradcheck(layer, (denoised, lamda), fast_mode=True)
    assert torch.autograd.gradcheck(
        layer, (denoised, torch.tensor(0.3, dtype=torch.float64, requires_grad=True)), fast_mode=True
    )


@pytest.mark.parametrize("lamda", [0.01, 1.0])
def test_an_image_that_fits_the_data_is_unchanged(lamda: float) -> None:
    A, truth = encoding(), random_kspace(2, 1, 6, 8, seed=7, dtype=torch.complex128)
    torch.testing.assert_close(fit(A.normal, A.normal(truth), truth, torch.tensor(lamda).double(), 10), truth)


def test_gradient_by_learned_maps_and_sample_weights_equals_that_of_the_exact_solution() -> None:
    A = encoding()
    samples = random_kspace(2, 3, 6, 8, dtype=torch.complex128) * A.mask
    denoised = random_kspace(2, 1, 6, 8, seed=5, dtype=torch.complex128)
    lamda = torch.tensor(0.4).double()
    weights = torch.rand(2, 1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 0.5

    def residual(image: torch.Tensor, maps: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        learned = replace(A, sens_maps=maps)
        return learned.combine(A.mask * given * (samples - learned.coil_kspace(image)))

    def layer(maps: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        fixed = replace(A, sens_maps=maps.detach(), mask=(A.mask * given).detach())
        learned = LearnedOperator(residual, (maps, given))
        return fit(fixed.normal, fixed.adjoint(samples), denoised, lamda, 40, learned=learned)

    maps = A.sens_maps.detach().requires_grad_()
    assert torch.autograd.gradcheck(layer, (maps, weights.requires_grad_()), fast_mode=True)
