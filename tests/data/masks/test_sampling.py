import math

import pytest
import torch
from fastmri.data.subsample import create_mask_for_mask_type
from hypothesis import given
from hypothesis import strategies as st

from helpers.scans.objects import object_acquisition
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError
from recon.data.masks.kind import LINES, MaskKind
from recon.data.masks.measured import center_lines, measured_mask, prospective_mask
from recon.data.masks.sampling import (
    Sampling,
    default_center_fraction,
    draw_mask,
    draw_sampling,
    sample_mask,
    seed_of,
)


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("acceleration", [4, 8])
@pytest.mark.parametrize("phase", [368, 213])
def test_masks_equal_those_of_fastmri(kind: MaskKind, acceleration: int, phase: int) -> None:
    fraction = default_center_fraction(acceleration)
    theirs, _ = create_mask_for_mask_type(kind, [fraction], [acceleration])(
        (1, phase, 2), seed=seed_of("file1000.h5")
    )
    ours = sample_mask(kind, phase, acceleration, fraction, seed_of("file1000.h5"))
    assert torch.equal(ours, theirs.reshape(-1).bool())


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("name", ["file1000000.h5", "file_brain_AXT2_200_2000001.h5", "a.h5"])
@pytest.mark.parametrize("pairs", [((4, 0.08), (8, 0.04)), ((4, 0.08), (8, 0.04), (6, 0.06)), ((6, 0.05),)])
def test_several_samplings_are_drawn_together_as_fastmri_draws_them(
    kind: MaskKind, name: str, pairs: tuple[tuple[int, float], ...]
) -> None:
    accelerations, fractions = zip(*pairs, strict=True)
    function = create_mask_for_mask_type(kind, fractions, accelerations)
    theirs, low = function((1, 368, 2), seed=seed_of(name))
    samplings = tuple(Sampling(kind, acceleration, fraction) for acceleration, fraction in pairs)
    assert torch.equal(draw_mask(samplings, (1, 368), seed_of(name)), theirs.reshape(-1).bool())
    assert round(368 * draw_sampling(samplings, seed_of(name)).center_fraction) == low


def test_samplings_of_different_kinds_can_be_mixed() -> None:
    samplings = (Sampling(MaskKind.RANDOM, 4, 0.08), Sampling(MaskKind.MAGIC, 8, 0.04))
    kinds = set()
    for seed in range(20):
        kinds.add(draw_sampling(samplings, seed).kind)
        function = create_mask_for_mask_type(draw_sampling(samplings, seed).kind, [0.08, 0.04], [4, 8])
        theirs, _ = function((1, 200, 2), seed=seed)
        assert torch.equal(draw_mask(samplings, (1, 200), seed), theirs.reshape(-1).bool())
    assert kinds == {MaskKind.RANDOM, MaskKind.MAGIC}


@given(
    phase=st.integers(32, 400),
    acceleration=st.sampled_from([2, 4, 8]),
    kind=st.sampled_from(LINES),
    seed=st.integers(0, 99),
)
def test_the_centre_is_always_measured(phase: int, acceleration: int, kind: MaskKind, seed: int) -> None:
    fraction = default_center_fraction(acceleration)
    lines = center_lines(sample_mask(kind, phase, acceleration, fraction, seed))
    assert lines.stop - lines.start >= round(phase * fraction)
    assert lines.start <= phase // 2 < lines.stop


def test_masks_repeat_by_file_name_and_differ_between_names_and_seeds() -> None:
    def mask(name: str, seed: int) -> torch.Tensor:
        return sample_mask(MaskKind.RANDOM, 200, 4, 0.08, seed_of(name, seed))

    assert torch.equal(mask("a.h5", 0), mask("a.h5", 0))
    assert not torch.equal(mask("a.h5", 0), mask("b.h5", 0))
    assert not torch.equal(mask("a.h5", 0), mask("a.h5", 1))


def test_all_slices_of_a_file_get_one_mask() -> None:
    sampling = Sampling(MaskKind.RANDOM, 4, 0.08)
    first, second = sampling(object_acquisition()), sampling(object_acquisition(noise=1.0))
    assert torch.equal(first.mask, second.mask)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_center_lines_are_the_longest_run_through_dc(lines: list[bool]) -> None:
    mask = torch.tensor(lines)
    run = center_lines(mask)
    center = len(lines) // 2
    if not lines[center]:
        assert run.stop == run.start
    else:
        assert run.start <= center < run.stop
        assert mask[run].all()
        assert run.start == 0 or not mask[run.start - 1]
        assert run.stop == len(lines) or not mask[run.stop]


def test_a_line_counts_only_if_it_was_measured_completely() -> None:
    mask = torch.ones(8, 9, dtype=torch.bool)
    mask[2, 6] = False
    assert center_lines(mask) == slice(0, 6)


@pytest.mark.parametrize(
    ("kind", "acceleration", "fraction", "words"),
    [
        (MaskKind.RANDOM, 0.5, 0.08, "not a finite number of at least 1"),
        (MaskKind.RANDOM, math.inf, 0, "not a finite number of at least 1"),
        (MaskKind.RANDOM, math.nan, 0.08, "not a finite number of at least 1"),
        (MaskKind.EQUISPACED_FRACTION, 4, 0.25, "leaves no others"),
        (MaskKind.RANDOM, 4, 1.5, "between 0 and 1"),
        (MaskKind.RANDOM, 8, 0.5, "alone measures more lines"),
        (MaskKind.EQUISPACED, 3.5, 0.08, "whole acceleration"),
    ],
)
def test_masks_that_do_not_exist_are_refused(
    kind: MaskKind, acceleration: float, fraction: float, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        sample_mask(kind, 100, acceleration, fraction, 0)


@given(
    phase=st.integers(1, 400), acceleration=st.floats(1, 12), fraction=st.floats(0, 1), kind=st.sampled_from(LINES)
)
def test_a_mask_is_drawn_or_an_input_error_raised(
    phase: int, acceleration: float, fraction: float, kind: MaskKind
) -> None:
    try:
        mask = sample_mask(kind, phase, acceleration, fraction, 0)
    except InputError:
        return
    assert mask.shape == (phase,)


def test_single_zeros_do_not_count_as_undersampling() -> None:
    kspace = random_kspace(1, 40, 30)
    kspace[:, 3, 7] = kspace[:, 20, 8] = kspace[:, :6] = kspace[..., 1::2] = 0
    assert torch.equal(measured_mask(kspace), torch.arange(30) % 2 == 0)


def test_a_mask_of_single_points_is_found() -> None:
    mask = torch.rand(40, 30, generator=torch.Generator().manual_seed(0)) < 0.9
    assert torch.equal(measured_mask(random_kspace(2, 40, 30) * mask), mask)


def test_an_empty_slice_does_not_count_as_undersampled() -> None:
    assert measured_mask(torch.zeros(2, 40, 30, dtype=torch.complex64)).tolist() == [True] * 30


def test_a_mask_is_prospective_if_it_leaves_out_lines_between_the_padding() -> None:
    mask = (torch.arange(30) >= 3) & (torch.arange(30) < 28)
    assert prospective_mask(mask, (3, 28)) is None
    assert prospective_mask(mask, (3, 29)) is mask


@pytest.mark.parametrize("matrix", [(64, 60), (63, 61), (96, 50)])
@pytest.mark.parametrize("acceleration", [1, 2, 4, 7.3])
def test_a_center_is_a_rectangle_about_dc_of_one_over_the_acceleration(
    matrix: tuple[int, int], acceleration: float
) -> None:
    both = Sampling(MaskKind.CENTER, acceleration, 0.5).mask(matrix, 0)
    lines = Sampling(MaskKind.CENTER_PHASE, acceleration, 0.5).mask(matrix, 0)
    assert lines.shape == matrix[1:]
    assert float(both.float().mean() * acceleration) == pytest.approx(1, abs=0.1)
    assert float(lines.float().mean() * acceleration) == pytest.approx(1, abs=0.1)
    for axis, marked in enumerate((both.reshape(-1, matrix[1]).any(1), both.reshape(-1, matrix[1]).any(0))):
        first, last = marked.nonzero().flatten()[[0, -1]].tolist()
        if len(marked) > 1:
            size = last + 1 - first
            assert (first, size) == (matrix[axis] // 2 - size // 2, int(marked.sum()))
    assert default_center_fraction(acceleration, MaskKind.CENTER_PHASE) == pytest.approx(
        float(lines.float().mean()), abs=0.02
    )


def test_a_mask_within_the_centre_is_the_one_of_its_smaller_matrix() -> None:
    sampling = Sampling(MaskKind.RANDOM, 4, 0.08, within=(2, 1.5))
    mask = sampling.mask((64, 120), 5)
    assert sampling.name == "random@2x1.5"
    assert torch.equal(mask.any(1).nonzero().flatten(), torch.arange(16, 48))
    assert torch.equal(mask[32, 20:100], sample_mask(MaskKind.RANDOM, 80, 4, 0.08, 5))
    assert not mask[:, :20].any()
    assert not mask[:, 100:].any()


def test_a_center_cannot_be_drawn_for_training() -> None:
    with pytest.raises(InputError, match="center is not drawn at random"):
        sample_mask(MaskKind.CENTER, 64, 4, 0.5, 0)
