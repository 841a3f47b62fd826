import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from recon.fourier import fft
from recon.simulation.scanner.subject.phase import _blur, air_phase, echo_ramp, fat_phase, smooth_phase, vary_phase

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(4))
def test_smooth_phase_changes_little_from_pixel_to_pixel(seed: int) -> None:
    phase = smooth_phase((128, 96), np.random.default_rng(seed), CPU)
    assert phase.shape == (128, 96)
    assert phase.diff(dim=0).abs().max() < 0.5
    assert phase.diff(dim=1).abs().max() < 0.5


@pytest.mark.parametrize("seed", range(6))
def test_a_phase_at_random_keeps_the_magnitude(seed: int) -> None:
    image = torch.rand(40, 50, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(vary_phase(image, np.random.default_rng(seed)).abs(), image)


def test_fat_has_one_phase_and_darker_tissue_none() -> None:
    """A band of brightness at most 1.3 wide starts above 0.3."""
    image = torch.full((40, 40), 0.2)
    assert not fat_phase(image, np.random.default_rng(0)).any()


def test_air_itself_has_no_phase_and_distant_tissue_none() -> None:
    image = torch.ones(80, 80)
    image[:, :10] = 0
    phase = air_phase(image, np.random.default_rng(0))
    assert not phase[:, :10].any()
    assert phase[:, 10].abs().min() > 0.1
    assert not phase[:, 10 + 8 + 1 :].any()


def test_the_blur_is_the_mean_over_a_square_within_the_image() -> None:
    image = torch.rand(37, 52, generator=torch.Generator().manual_seed(0))
    for window in (3, 9, 21):
        mean = avg_pool2d(image[None], window, stride=1, padding=window // 2, count_include_pad=False)[0]
        torch.testing.assert_close(_blur(image, window), mean)


def test_a_ramp_moves_the_echo_by_its_cycles() -> None:
    image = torch.rand(12, 16, generator=torch.Generator().manual_seed(0)) + 0j
    moved = fft(image * echo_ramp((12, 16), (3, -2), CPU))
    turned = fft(image).roll((3, -2), (0, 1))
    torch.testing.assert_close(moved.abs(), turned.abs())
