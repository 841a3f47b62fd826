from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from recon.data.masks.kind import MaskKind
from recon.data.masks.measured import center_lines, center_rectangle
from recon.data.masks.sampling import Sampling, sample_mask
from recon.data.training.self_supervision import Density, choices_of, split_mask


@st.composite
def masks(draw: st.DrawFn) -> Tensor:
    shape = (*draw(st.lists(st.integers(1, 3), max_size=2)), draw(st.integers(1, 60)))
    seed = draw(st.integers(0, 9))
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < draw(st.floats(0, 1))


@given(
    mask=masks(),
    fraction=st.floats(0.01, 0.99),
    seed=st.tuples(st.integers(0, 5)),
    center=st.integers(0, 70),
    density=st.sampled_from(get_args(Density)),
)
def test_every_measured_line_is_in_one_mask_and_the_loss_gets_its_fraction_of_lines_not_around_dc(
    mask: Tensor, fraction: float, seed: tuple[int, ...], center: int, density: Density
) -> None:
    consistency, loss = split_mask(mask, fraction, seed, center, density)
    assert consistency.shape == loss.shape == mask.shape
    assert torch.equal(consistency | loss, mask)
    assert not (consistency & loss).any()
    lines = choices_of(mask)  # or samples, where rows differ
    held = loss.reshape(-1, *lines.shape).any(0)
    offsets = torch.meshgrid(*((torch.arange(size) - size // 2).abs() for size in lines.shape), indexing="ij")
    distance = torch.stack(offsets).amax(0)
    assert not held[distance < center / 2].any()
    fewest, most = int((lines & (distance > center / 2)).sum()), int((lines & (distance >= center / 2)).sum())
    assert int(held.sum()) <= (max(1, round(fraction * most)) if most else 0)
    assert int(held.sum()) >= (max(1, round(fraction * fewest)) if fewest else 0)


def test_calibration_lines_are_never_held_by_default() -> None:
    mask = sample_mask(MaskKind.EQUISPACED_FRACTION, 128, 4, 0.08, seed=0)
    held = torch.stack([split_mask(mask, 0.3, (seed,))[1] for seed in range(200)]).any(0)
    run = center_lines(mask)
    assert not held[run].any()
    assert torch.equal(held[: run.start], mask[: run.start])
    assert torch.equal(held[run.stop :], mask[run.stop :])


def test_low_frequencies_are_selected_more_often() -> None:
    full = torch.ones(64, dtype=torch.bool)
    often = torch.stack([split_mask(full, 0.3, (seed,), center=4)[1] for seed in range(1000)]).float().mean(0)
    assert 1.5 * often[:8].mean() < often[22:30].mean()


def test_a_uniform_density_selects_all_frequencies_alike() -> None:
    full = torch.ones(64, dtype=torch.bool)
    held = [split_mask(full, 0.3, (seed,), center=4, density="uniform")[1] for seed in range(1000)]
    often = torch.stack(held).float().mean(0)
    assert float(often[:8].mean()) == pytest.approx(float(often[22:30].mean()), rel=0.1)


def test_the_seed_alone_decides() -> None:
    mask = torch.ones(80, dtype=torch.bool)
    first, again, other = (split_mask(mask, 0.4, seed, 8)[1] for seed in ((3, 4), (3, 4), (3, 5)))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_lines_do_not_depend_on_the_other_axes_of_the_mask() -> None:
    mask = sample_mask(MaskKind.RANDOM, 60, 2, 0.1, seed=0)
    expected = split_mask(mask, 0.4, (0,), 6)
    for shape in ((1, 1, 60), (2, 1, 1, 60), (33, 60)):
        for part, line in zip(split_mask(mask.expand(shape), 0.4, (0,), 6), expected, strict=True):
            assert torch.equal(part, line.expand(shape))


@pytest.mark.parametrize("fraction", [-0.1, 0.0, 1.0, float("nan")])
def test_a_loss_fraction_outside_0_to_1_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        split_mask(torch.ones(8, dtype=torch.bool), fraction, (0,), 2)


def test_samples_of_two_phase_encodings_are_split_one_by_one_outside_the_measured_rectangle() -> None:
    mask = Sampling(MaskKind.POISSON, 4, 0.1).mask((40, 36), 0)
    consistency, loss = split_mask(mask, 0.3, (0,), density="uniform")
    assert torch.equal(consistency | loss, mask)
    assert not (consistency & loss).any()
    rows, columns = center_rectangle(mask.numpy())
    assert (rows.stop - rows.start) * (columns.stop - columns.start) >= 0.08 * mask.numel()
    assert not loss[rows, columns].any()
    outside = int(mask.sum()) - int(mask[rows, columns].sum())
    assert int(loss.sum()) == round(0.3 * outside)


def test_rows_that_were_not_measured_do_not_change_how_lines_are_split() -> None:
    mask = Sampling(MaskKind.RANDOM, 3, 0.1).mask((8, 60), 0)
    plane = torch.zeros(8, 60, dtype=torch.bool)
    plane[2:6] = mask
    assert torch.equal(split_mask(plane, 0.3, (1,))[1][3], split_mask(mask, 0.3, (1,))[1])
