import pytest
import torch

from helpers.objects import object_acquisition
from recon.calibration.acs import calibration_lines
from recon.calibration.espirit import estimate_sens_maps
from recon.coils import coil_combine, rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import ifft


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


def test_a_rectangle_is_found_where_no_line_was_measured_whole() -> None:
    full = object_acquisition(readout=64, phase=60)
    mask = torch.zeros(64, 60, dtype=torch.bool)
    mask[20:44, 22:38] = True
    assert calibration_lines(full.undersample(mask)).shape[1:] == (24, 16)


@pytest.mark.parametrize("beside", [(), (25,), (24, 25), (34,), (25, 34, 35)])
def test_lines_beside_the_centre_do_not_turn_the_maps(beside: tuple[int, ...]) -> None:
    full = object_acquisition(phase=60)
    mask = (torch.arange(60) >= 26) & (torch.arange(60) < 34)
    plain = estimate_sens_maps(full.undersample(mask))
    mask[list(beside)] = True
    scan = full.undersample(mask)
    assert calibration_lines(scan).shape[-1] == 8 + len(beside)
    bright = rss(ifft(full.kspace)) > 0.5 * rss(ifft(full.kspace)).max()
    overlap = (plain.conj() * estimate_sens_maps(scan)).sum(0)[bright]
    assert overlap.real.min() > 0.9
    low = coil_combine(ifft(torch.where((torch.arange(60) - 30).abs() < 4, full.kspace, 0)), estimate_sens_maps(scan))
    assert low.imag.norm() < 0.2 * low.norm()
