import pytest
import torch
from fastmri.models.varnet import SensitivityModel as TheirModel
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.objects import object_acquisition
from helpers.slices import line_mask
from recon.calibration.acs import acs_window, batch_calibration_lines, calibration_lines, cut
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


@given(readout=st.integers(1, 20), phase=st.integers(1, 20), seed=st.integers(0, 99))
def test_what_is_cut_out_was_measured_and_has_dc_at_half_its_size(readout: int, phase: int, seed: int) -> None:
    mask = torch.rand(1, 1, readout, phase, generator=torch.Generator().manual_seed(seed)) < 0.8
    mask[..., readout // 2, phase // 2] = True
    place = torch.arange(readout * phase).reshape(1, readout, phase)
    found = cut(torch.where(mask[0], place, -1), acs_window(mask)[0, 0])
    assert (found >= 0).all()
    assert found[0, found.shape[1] // 2, found.shape[2] // 2] == place[0, readout // 2, phase // 2]


def test_lines_beside_the_centre_do_not_move_dc() -> None:
    full = object_acquisition(phase=60)
    mask = line_mask(60, center=16, every=61)
    mask[..., 21] = True
    (lines,) = batch_calibration_lines(torch.where(mask, full.kspace[None], 0), mask, None, None)
    torch.testing.assert_close(lines, full.kspace[..., 22:38], rtol=0, atol=0)


def test_a_reference_scan_is_taken_as_far_as_it_reaches_on_both_sides_of_dc() -> None:
    full, mask = object_acquisition(readout=64, phase=60), line_mask(60)
    reference = torch.zeros_like(full.kspace)
    reference[:, 20:, 25:40] = full.kspace[:, 20:, 25:40]  # an asymmetric echo, and more lines on one side
    (lines,) = batch_calibration_lines(full.kspace[None], mask, None, reference[None])
    torch.testing.assert_close(lines, full.kspace[:, 20:45, 25:35], rtol=0, atol=0)


def test_an_empty_reference_scan_gives_zeros() -> None:
    full, mask = object_acquisition(), line_mask(60)
    (lines,) = batch_calibration_lines(full.kspace[None], mask, None, torch.zeros_like(full.kspace[None]))
    assert lines.numel() > 0
    assert not lines.any()


@pytest.mark.parametrize("center", [0, 2, 3])
def test_too_few_lines_are_replaced_by_the_middle_of_kspace_where_asked(center: int) -> None:
    full, mask = object_acquisition(), line_mask(60, center=center, every=7)
    kspace = torch.where(mask, full.kspace[None], 0)
    (lines,) = batch_calibration_lines(kspace, mask, fewest=4)
    torch.testing.assert_close(lines, kspace[0, :, 20:44, 18:42], rtol=0, atol=0)
