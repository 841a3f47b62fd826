"""The noise of a magnitude image is estimated in every pixel, whatever is shown."""

import pytest
import torch

from helpers.scans.objects import discs
from recon.quality.image_noise import image_noise


@pytest.mark.parametrize("shape", [(128, 150), (129, 97)])
def test_noise_that_varies_is_found_where_it_is(shape: tuple[int, int]) -> None:
    deviation = torch.linspace(0.02, 0.08, shape[1]).expand(shape)
    white = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = image_noise(1 + discs(*shape) + deviation * white)
    assert found.shape == shape
    left, right = found[:, : shape[1] // 4], found[:, -shape[1] // 4 :]
    assert float(left.mean() / deviation[:, : shape[1] // 4].mean()) == pytest.approx(1, abs=0.3)
    assert float(right.mean() / deviation[:, -shape[1] // 4 :].mean()) == pytest.approx(1, abs=0.3)


def test_an_image_without_noise_has_hardly_any() -> None:
    assert image_noise(discs(128, 128)).median() < 1e-3
    assert not image_noise(torch.zeros(40, 40)).any()


def test_a_small_image_has_noise_too() -> None:
    found = image_noise(torch.randn(24, 9, generator=torch.Generator().manual_seed(0)))
    assert found.shape == (24, 9)
    assert float(found.mean()) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize("factor", [1e-7, 1e7])
def test_units_do_not_matter(factor: float) -> None:
    image = discs(64, 64) + 0.05 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(image_noise(factor * image) / factor, image_noise(image), rtol=1e-4, atol=1e-6)
