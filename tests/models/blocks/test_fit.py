import pytest
import torch

from helpers.slices import line_mask, random_kspace
from recon.coils import divide_by_rss
from recon.models.blocks.fit import fit
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
