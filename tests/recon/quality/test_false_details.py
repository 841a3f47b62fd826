import pytest
import torch
from torch import Tensor

from helpers.scans.objects import discs
from recon.quality.false_details import count_details

PLACES = [(40, 40), (76, 76), (84, 52), (60, 60), (96, 60)]


def with_details(width: float, contrast: float) -> Tensor:
    """Add a bright or dark spot of a width at half maximum, in pixels, at each of the places."""
    rows, columns = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    image = discs(128, 128)
    for row, column in PLACES:
        square = (rows - row) ** 2 + (columns - column) ** 2
        image = image + contrast * torch.exp(-4 * torch.log(torch.tensor(2.0)) * square / width**2)
    return image


@pytest.mark.parametrize("contrast", [0.5, -0.5])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_detail_of_one_to_four_pixels_counts_once_whether_bright_or_dark(width: float, contrast: float) -> None:
    plain, detailed = discs(128, 128), with_details(width, contrast)
    invented, lost = count_details(detailed, plain), count_details(plain, detailed)
    assert (invented.invented, invented.lost) == (len(PLACES), 0)
    assert (lost.invented, lost.lost) == (0, len(PLACES))


def test_an_image_invents_and_loses_nothing_against_itself_or_a_fainter_copy() -> None:
    detailed = with_details(2, 0.5)
    itself = count_details(detailed, detailed)
    assert itself.invented == itself.lost == 0 < itself.present
    assert count_details(0.8 * detailed, detailed).lost == 0


def test_a_bright_detail_in_place_of_a_dark_one_is_invented_and_lost() -> None:
    counts = count_details(with_details(2, 0.5), with_details(2, -0.5))
    assert (counts.invented, counts.lost) == (len(PLACES), len(PLACES))


def test_counts_do_not_depend_on_brightness() -> None:
    one, other = with_details(2, 0.5), with_details(3, -0.4)
    assert count_details(2**-23 * one, 2**-23 * other) == count_details(one, other)


def test_noise_below_a_tenth_of_the_contrast_is_no_detail() -> None:
    noise = 0.015 * torch.randn(128, 128, generator=torch.Generator().manual_seed(1))
    assert count_details(discs(128, 128) + noise, discs(128, 128)).invented == 0


def test_an_empty_target_has_no_details() -> None:
    assert count_details(discs(32, 32), torch.zeros(32, 32)).present == 0
