import pytest
import torch

from helpers.scans.objects import discs, object_acquisition
from helpers.scans.slices import line_mask, random_kspace
from recon.calibration.acs import batch_calibration_lines
from recon.calibration.compression import compress
from recon.quality.noise_estimate import ITERATIONS, LAMDA, noise_levels, noise_maps
from recon.solvers.cg import conjugate_gradients
from recon.solvers.problem import Problem

MASK = line_mask(48, center=12, every=2)


def problem() -> Problem:
    kspace = torch.where(MASK, object_acquisition(coils=4, readout=64, phase=48).kspace[None], 0)
    return Problem.of(kspace, MASK, batch_calibration_lines(kspace, MASK))


@pytest.mark.parametrize("sigma", [1e-3, 1.0, 50.0])
def test_the_level_of_white_noise_is_found(sigma: float) -> None:
    levels = noise_levels(torch.where(MASK, sigma * random_kspace(2, 4, 64, 48), 0), MASK)
    torch.testing.assert_close(levels, torch.full((2,), sigma), rtol=0.1, atol=0)


def test_the_map_is_the_spread_of_fits_to_noise() -> None:
    given, sigma = problem(), 0.01
    found = noise_maps(given, sigma * given.scale)[0]
    spread = given.brightness.sqrt().unsqueeze(1)

    def normal(image: torch.Tensor) -> torch.Tensor:
        return spread * given.encoding.normal(spread * image)

    power = torch.zeros(64, 48)
    for seed in range(100):
        noise = sigma * random_kspace(1, 4, 64, 48, seed=seed + 1)
        samples = compress(noise, given.compression) * given.encoding.mask
        fitted = conjugate_gradients(normal, spread * given.encoding.adjoint(samples), ITERATIONS, LAMDA)
        power += (spread * fitted).abs().square().sum((0, 1)) / 100
    ratio = found / power.sqrt()
    inside = ratio[discs(64, 48) > 0.4]
    assert inside.median() == pytest.approx(1, abs=0.05)
    assert inside.min() > 0.7
    assert inside.max() < 1.5


def test_the_map_grows_with_the_level() -> None:
    given = problem()
    quiet, loud = (noise_maps(given, sigma * given.scale) for sigma in (0.01, 0.02))
    torch.testing.assert_close(loud, 2 * quiet)
