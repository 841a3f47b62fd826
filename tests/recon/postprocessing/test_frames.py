"""The wavelets are tight frames, and how noise spreads over their coefficients is known."""

import math

import pytest
import torch

from recon.postprocessing.frames import LEVELS, bank

FRAMES = pytest.mark.parametrize("number", range(2))
HALVES = slice(4, 20), slice(28, 44)
CPU = torch.device("cpu")


@FRAMES
@pytest.mark.parametrize("shape", [(64, 60), (33, 47)])
def test_an_image_is_the_sum_of_its_bands(number: int, shape: tuple[int, int]) -> None:
    frame = bank(*shape, CPU)[number]
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.complex64)
    spectrum = torch.fft.fft2(image)
    bands = [frame.synthesise(frame.analyse(spectrum, level), level) for level in range(LEVELS)]
    torch.testing.assert_close(sum(bands, frame.coarse(spectrum)), image)


@FRAMES
def test_the_coefficients_of_a_real_image_are_real(number: int) -> None:
    frame = bank(31, 40, CPU)[number]
    image = torch.randn(31, 40, generator=torch.Generator().manual_seed(0))
    coefficients = frame.analyse(torch.fft.fft2(image), 0)
    assert coefficients.imag.norm() < 0.3 * coefficients.real.norm()


@FRAMES
@pytest.mark.parametrize("level", [0, 2])
def test_noise_spreads_over_coefficients_as_predicted(number: int, level: int) -> None:
    frame = bank(48, 48, CPU)[number]
    deviation = torch.linspace(0.5, 2, 48).expand(48, 48)
    support = (torch.fft.fftfreq(48).abs() < 0.3).expand(48, 48)
    white = torch.randn(400, 48, 48, generator=torch.Generator().manual_seed(0), dtype=torch.complex64) * math.sqrt(2)
    cut = torch.fft.ifft2(torch.fft.fft2(white) * support) / support.float().mean().sqrt()
    found = frame.analyse(torch.fft.fft2(deviation * cut), level).real.var(0)
    predicted = frame.noise(deviation.square(), level, support)
    torch.testing.assert_close(found.mean((-2, -1)), predicted.mean((-2, -1)), rtol=0.1, atol=0.01)
    left, right = (found.sum((0, 1))[part].sum() / predicted.sum((0, 1))[part].sum() for part in HALVES)
    assert float(left) == pytest.approx(1, abs=0.1)
    assert float(right) == pytest.approx(1, abs=0.1)
