import pytest
import torch

from helpers.slices import line_mask, random_kspace
from recon.coils import rss
from recon.fourier import IMAGE_AXES
from recon.models.blocks.fit import Fit, fit
from recon.models.networks.sense_network import SenseProblem


def problem(coils: int = 3) -> SenseProblem:
    maps, mask = random_kspace(2, coils, 8, 12, seed=3, dtype=torch.complex128), line_mask(12, batch=2)
    measured = torch.where(mask, random_kspace(2, coils, 8, 12, dtype=torch.complex128), 0)
    return SenseProblem(measured, mask, maps / rss(maps).unsqueeze(1), axes=(-1,))


def test_fit_solves_the_normal_equations() -> None:
    given, right = problem(), random_kspace(2, 8, 12, dtype=torch.complex128)
    found = fit(given.normal, right, torch.zeros_like(right), lamda=0.1, iterations=60, axes=IMAGE_AXES)
    torch.testing.assert_close(given.normal(found) + 0.1 * found, right, rtol=1e-8, atol=1e-8)


def test_gradient_of_the_fit_is_that_of_its_solution() -> None:
    given = problem()
    data = given.image(given.measured)
    denoised = random_kspace(2, 8, 12, seed=5, dtype=torch.complex128).requires_grad_()
    lamda = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)

    def layer(z: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return Fit.apply(given.normal, data, z, weight, 80, IMAGE_AXES)

    assert torch.autograd.gradcheck(layer, (denoised, lamda), fast_mode=True)


@pytest.mark.parametrize("lamda", [0.01, 1.0])
def test_what_already_fits_stays(lamda: float) -> None:
    given = problem()
    truth = random_kspace(2, 8, 12, seed=7, dtype=torch.complex128)
    weight = torch.tensor(lamda).double()
    fitted = Fit.apply(given.normal, given.normal(truth), truth, weight, 10, IMAGE_AXES)
    torch.testing.assert_close(fitted, truth)
