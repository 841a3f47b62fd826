import pytest
import torch

from data.acquisition import Acquisition
from data.errors import InputError
from helpers.objects import object_acquisition
from recon.calibration import calibration_lines


def test_the_lines_about_dc_are_taken() -> None:
    full = object_acquisition(phase=60)
    mask = (torch.arange(60) % 5 == 0) | ((torch.arange(60) >= 26) & (torch.arange(60) < 34))
    lines = calibration_lines(full.undersample(mask))
    torch.testing.assert_close(lines, full.kspace[..., 25:34], rtol=0, atol=0)


def test_a_separate_reference_scan_comes_first() -> None:
    full = object_acquisition()
    reference = full.kspace[..., 20:40]
    scan = Acquisition(full.kspace, full.mask, full.header, calibration=reference)
    assert calibration_lines(scan) is reference


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(InputError, match="only 0 neighbouring lines"):
        calibration_lines(object_acquisition(phase=60).undersample(torch.arange(60) % 4 == 1))
