from dataclasses import replace

import pytest
import torch
from fastmri.models.varnet import SensitivityModel as TheirModel
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import line_mask
from recon.calibration.acs import acs_window, batch_calibration_lines, calibration_lines
from recon.calibration.espirit import estimate_sens_maps
from recon.coils import coil_combine, rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.fourier import ifft


def test_the_lines_about_dc_are_taken() -> None:
    full = object_acquisition(phase=60)
    mask = (torch.arange(60) % 5 == 0) | ((torch.arange(60) >= 26) & (torch.arange(60) < 34))
    lines = calibration_lines(full.undersample(mask)).lines
    torch.testing.assert_close(lines, full.kspace[..., 25:34], rtol=0, atol=0)


def test_a_separate_reference_scan_comes_first() -> None:
    full = object_acquisition()
    reference = full.kspace[..., 20:40]
    scan = Acquisition(full.kspace, full.mask, full.header, calibration=reference)
    assert calibration_lines(scan).lines is reference


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(InputError, match="only 0 neighbouring lines"):
        calibration_lines(object_acquisition(phase=60).undersample(torch.arange(60) % 4 == 1))


def test_a_rectangle_is_found_where_no_line_was_measured_whole() -> None:
    full = object_acquisition(readout=64, phase=60)
    mask = torch.zeros(64, 60, dtype=torch.bool)
    mask[20:44, 22:38] = True
    assert calibration_lines(full.undersample(mask)).lines.shape[1:] == (24, 16)


@pytest.mark.parametrize("beside", [(), (25,), (24, 25), (34,), (25, 34, 35)])
def test_lines_beside_the_centre_do_not_turn_the_maps(beside: tuple[int, ...]) -> None:
    full = object_acquisition(phase=60)
    mask = (torch.arange(60) >= 26) & (torch.arange(60) < 34)
    plain = estimate_sens_maps(full.undersample(mask))
    mask[list(beside)] = True
    scan = full.undersample(mask)
    assert calibration_lines(scan).lines.shape[-1] == 8 + len(beside)
    bright = rss(ifft(full.kspace)) > 0.5 * rss(ifft(full.kspace)).max()
    overlap = (plain.conj() * estimate_sens_maps(scan)).sum(0)[bright]
    assert overlap.real.min() > 0.9
    low = coil_combine(ifft(torch.where((torch.arange(60) - 30).abs() < 4, full.kspace, 0)), estimate_sens_maps(scan))
    assert low.imag.norm() < 0.2 * low.norm()


def lines_of(window: Tensor) -> list[int]:
    return window.flatten().nonzero().flatten().tolist()


@given(phase=st.integers(2, 40), data=st.data())
def test_window_holds_the_lines_that_fastmri_takes(phase: int, data: st.DataObject) -> None:
    sampled = data.draw(st.lists(st.booleans(), min_size=phase, max_size=phase))
    sampled[0] = sampled[-1] = False  # fastMRI's search fails when one side is sampled to its end
    mask = torch.tensor(sampled).reshape(1, 1, 1, phase)
    first, count = TheirModel(2, 1).get_pad_and_num_low_freqs(mask.unsqueeze(-1))
    assert lines_of(acs_window(mask)) == list(range(int(first), int(first + count)))


@given(phase=st.integers(1, 40), data=st.data())
def test_window_of_a_given_number_of_lines_is_fastmris(phase: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, phase))
    mask = torch.ones(1, 1, 1, phase, dtype=torch.bool)
    first, _ = TheirModel(2, 1).get_pad_and_num_low_freqs(mask.unsqueeze(-1), count)
    assert lines_of(acs_window(mask, count)) == list(range(int(first), int(first) + count))


@pytest.mark.parametrize("phase", [24, 25])
def test_fully_sampled_mask_is_calibration_data_throughout(phase: int) -> None:
    assert acs_window(torch.ones(1, 1, 1, phase, dtype=torch.bool)).all()
    assert acs_window(torch.ones(1, 1, 17, phase, dtype=torch.bool)).all()


@given(readout=st.integers(1, 20), phase=st.integers(1, 20), seed=st.integers(0, 99))
def test_mask_spelled_out_along_readout_has_the_same_window(readout: int, phase: int, seed: int) -> None:
    mask = torch.rand(2, 1, 1, phase, generator=torch.Generator().manual_seed(seed)) < 0.7
    mask[..., phase // 2] = True
    expected = acs_window(mask).expand(2, 1, readout, phase)
    assert torch.equal(acs_window(mask.expand(2, 1, readout, phase)), expected)


even_sizes = st.integers(1, 10).map(lambda half: 2 * half)


@given(readout=even_sizes, phase=even_sizes, seed=st.integers(0, 99))
def test_window_of_a_two_dimensional_mask_holds_only_measured_samples(readout: int, phase: int, seed: int) -> None:
    mask = torch.rand(1, 1, readout, phase, generator=torch.Generator().manual_seed(seed)) < 0.8
    mask[..., readout // 2, phase // 2] = True
    assert (mask | ~acs_window(mask)).all()


def test_square_is_found_among_scattered_samples_and_spokes() -> None:
    mask = torch.rand(1, 1, 64, 48, generator=torch.Generator().manual_seed(0)) < 0.2
    mask[..., :, 24] = mask[..., 32, :] = True
    mask[..., 26:38, 18:30] = True
    rows, columns = acs_window(mask)[0, 0].nonzero(as_tuple=True)
    assert set(rows.tolist()) >= set(range(26, 38))
    assert set(columns.tolist()) >= set(range(18, 30))
    assert len(rows) <= 14 * 14


def test_each_of_a_batch_has_its_own_window() -> None:
    masks = torch.cat([line_mask(32, center=center) for center in (4, 8, 12)])
    assert torch.equal(acs_window(masks), torch.cat([acs_window(mask[None]) for mask in masks]))
    counts = torch.tensor([2, 0, 6])
    expected = torch.cat([acs_window(masks[:1], 2), acs_window(masks[1:2]), acs_window(masks[2:], 6)])
    assert torch.equal(acs_window(masks, counts), expected)


@given(readout=st.integers(8, 20), phase=st.integers(8, 20), seed=st.integers(0, 99))
def test_what_is_cut_out_was_measured_and_dc_is_where_it_says(readout: int, phase: int, seed: int) -> None:
    mask = torch.rand(1, 1, readout, phase, generator=torch.Generator().manual_seed(seed)) < 0.8
    mask[..., readout // 2 - 3 : readout // 2 + 4, phase // 2 - 3 : phase // 2 + 4] = True
    place = 1 + torch.arange(readout * phase).reshape(1, 1, readout, phase)
    (acs,) = batch_calibration_lines(torch.where(mask, place, 0), mask)
    assert (acs.lines > 0).all()
    assert acs.lines[0, acs.lines.shape[1] // 2, acs.dc] == place[0, 0, readout // 2, phase // 2]


@pytest.mark.parametrize(("first", "stop"), [(22, 38), (23, 38), (20, 33), (27, 36)])
@pytest.mark.parametrize("rows", [1, 64])
def test_networks_use_all_the_lines_that_classical_methods_use(first: int, stop: int, rows: int) -> None:
    mask = (torch.arange(60) >= first) & (torch.arange(60) < stop)
    mask[[4, 50]] = True
    scan = object_acquisition(phase=60).undersample(mask)
    (acs,) = batch_calibration_lines(scan.kspace[None], mask.expand(1, 1, rows, 60))
    for found in (acs, calibration_lines(scan)):
        torch.testing.assert_close(found.lines, scan.kspace[..., first:stop], rtol=0, atol=0)
        assert found.dc == 30 - first


def test_a_reference_scan_is_taken_as_far_as_it_reaches() -> None:
    full, mask = object_acquisition(readout=64, phase=60), line_mask(60)
    reference = torch.zeros_like(full.kspace)
    reference[:, 20:, 25:40] = full.kspace[:, 20:, 25:40]  # an asymmetric echo, and more lines on one side
    (acs,) = batch_calibration_lines(full.kspace[None], mask, reference[None])
    torch.testing.assert_close(acs.lines, full.kspace[:, 20:45, 25:40], rtol=0, atol=0)
    assert acs.dc == 5


def test_a_reference_scan_laid_into_the_matrix_gives_the_lines_of_the_scan_itself() -> None:
    full = object_acquisition(readout=64, phase=60)
    scan = replace(full.undersample(torch.arange(60) % 4 == 1), calibration=full.kspace[..., 18:43])
    (acs,) = batch_calibration_lines(scan.kspace[None], scan.mask.reshape(1, 1, 1, 60), scan.reference_kspace()[None])
    torch.testing.assert_close(acs.lines, calibration_lines(scan).lines, rtol=0, atol=0)
    assert acs.dc == calibration_lines(scan).dc


def test_an_empty_reference_scan_gives_zeros() -> None:
    full, mask = object_acquisition(), line_mask(60)
    (acs,) = batch_calibration_lines(full.kspace[None], mask, torch.zeros_like(full.kspace[None]))
    assert acs.lines.numel() > 0
    assert not acs.lines.any()


@pytest.mark.parametrize("center", [0, 2, 3])
def test_too_few_lines_of_a_batch_are_replaced_by_the_middle_of_kspace(center: int) -> None:
    full, mask = object_acquisition(), line_mask(60, center=center, every=7)
    kspace = torch.where(mask, full.kspace[None], 0)
    (acs,) = batch_calibration_lines(kspace, mask)
    torch.testing.assert_close(acs.lines, kspace[0, :, 20:44, 18:42], rtol=0, atol=0)
