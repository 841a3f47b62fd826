import torch

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.models.blocks.calibration_samples import calibration_samples


def test_lines_beside_the_centre_do_not_move_dc() -> None:
    full = object_acquisition(phase=60)
    mask = line_mask(60, center=16, every=61)
    mask[..., 21] = True
    (lines,) = calibration_samples(torch.where(mask, full.kspace[None], 0), mask, None, None)
    torch.testing.assert_close(lines, full.kspace[..., 22:38], rtol=0, atol=0)


def test_a_reference_scan_is_taken_as_far_as_it_reaches_on_both_sides_of_dc() -> None:
    full, mask = object_acquisition(readout=64, phase=60), line_mask(60)
    reference = torch.zeros_like(full.kspace)
    reference[:, 20:, 25:40] = full.kspace[:, 20:, 25:40]  # an asymmetric echo, and more lines on one side
    (lines,) = calibration_samples(full.kspace[None], mask, None, reference[None])
    torch.testing.assert_close(lines, full.kspace[:, 20:45, 25:35], rtol=0, atol=0)


def test_an_empty_reference_scan_gives_zeros() -> None:
    full, mask = object_acquisition(), line_mask(60)
    (lines,) = calibration_samples(full.kspace[None], mask, None, torch.zeros_like(full.kspace[None]))
    assert lines.numel() > 0
    assert not lines.any()
