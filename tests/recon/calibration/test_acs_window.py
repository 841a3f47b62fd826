import pytest
import torch
from fastmri.models.varnet import SensitivityModel as TheirModel
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.slices import line_mask
from recon.calibration.acs_window import acs_window, cut


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
