import torch

from helpers.scans.objects import discs, object_acquisition
from recon.calibration.brightness import FAINTEST, brightness


def test_the_object_is_bright_and_its_surroundings_are_dark() -> None:
    image = brightness([object_acquisition(6, 64, 60).kspace[..., 18:42]], (64, 60))[0]
    object_ = discs(64, 60)
    assert image.max() == 1
    assert image[object_ > 0.9].mean() > 5 * image[object_ < 0.01].mean()


def test_any_grid_shows_the_same_field_of_view() -> None:
    lines = object_acquisition(6, 64, 60).kspace[..., 18:42]
    fine, coarse = brightness([lines], (64, 60))[0], brightness([lines], (32, 30))[0]
    torch.testing.assert_close(fine[::2, ::2], coarse, atol=0.1, rtol=0.1)


def test_silence_is_equally_dark_everywhere() -> None:
    image = brightness([torch.zeros(3, 20, 8, dtype=torch.complex64)], (20, 24))[0]
    assert (image == FAINTEST).all()
