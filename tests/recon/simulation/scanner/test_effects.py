import numpy as np
import pytest
import torch

from helpers.scans.slices import random_kspace
from recon.fourier import fft, ifft
from recon.simulation.scanner.effects import coil_noise, fold, nyquist_ghost, truncate


def test_folding_keeps_every_second_line_of_a_twice_as_wide_field() -> None:
    wide = random_kspace(3, 8, 24)
    # A field of view half as wide samples k-space half as densely.
    torch.testing.assert_close(fold(wide, 12), ifft(fft(wide)[..., ::2]) * 2**0.5)


def test_a_field_that_is_wide_enough_folds_nothing() -> None:
    image = random_kspace(2, 8, 12)
    assert torch.equal(fold(image, 12), image)


def test_truncation_keeps_constants_and_positions() -> None:
    fine = torch.ones(32, 48, dtype=torch.complex64)
    torch.testing.assert_close(truncate(fine, (16, 24)), torch.ones(16, 24, dtype=torch.complex64))
    point = torch.zeros(32, 48, dtype=torch.complex64)
    point[20, 10] = 1
    found = truncate(point, (16, 24)).abs()
    assert found.flatten().argmax() == 10 * 24 + 5


def test_a_ghost_lies_half_a_field_of_view_away_and_takes_no_energy() -> None:
    image = torch.zeros(1, 16, 32, dtype=torch.complex64)
    image[0, :, 10] = 1
    ghosted = ifft(nyquist_ghost(fft(image), np.random.default_rng(0)))
    torch.testing.assert_close(ghosted.norm(), image.norm())
    outside = ghosted.clone()
    outside[..., [10, 26]] = 0
    assert outside.norm() < 1e-5
    assert ghosted[..., 26].norm() > 1e-3


@pytest.mark.parametrize("coils", [1, 8])
def test_noise_depends_on_the_seed_alone(coils: int) -> None:
    kspace = random_kspace(coils, 16, 16)
    one, again = (coil_noise(kspace, 10, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, coil_noise(kspace, 10, np.random.default_rng(2)))
