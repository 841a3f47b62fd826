import torch

from helpers.scans.slices import line_mask, random_kspace
from recon.calibration.acs import acs_window
from recon.coils import rss
from recon.models.blocks.sensitivity import SensitivityModel


def test_maps_have_unit_root_sum_of_squares() -> None:
    network = SensitivityModel(chans=4, pools=2)
    mask = line_mask(28)
    kspace = torch.where(mask, random_kspace(2, 5, 30, 28), 0)
    torch.testing.assert_close(rss(network(kspace, mask)), torch.ones(2, 30, 28))


def test_coil_without_signal_has_a_zero_map_and_does_not_change_the_others() -> None:
    network = SensitivityModel(chans=4, pools=2)
    mask = line_mask(28)
    kspace = torch.where(mask, random_kspace(1, 4, 30, 28), 0)
    kspace[:, 2] = 0
    maps = network(kspace, mask)
    assert torch.equal(maps[:, 2], torch.zeros(1, 30, 28, dtype=torch.complex64))
    others = [0, 1, 3]
    torch.testing.assert_close(maps[:, others], network(kspace[:, others], mask))


def test_maps_depend_on_the_calibration_lines_alone() -> None:
    network = SensitivityModel(chans=4, pools=2)
    mask = line_mask(28)
    kspace = torch.where(mask, random_kspace(1, 3, 30, 28), 0)
    elsewhere = torch.where(acs_window(mask), kspace, 7 * kspace)
    assert torch.equal(network(kspace, mask), network(elsewhere, mask))
