import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.data.masks.kind import SERIES, MaskKind
from recon.data.masks.sampling import Sampling, default_center_fraction, draw_mask

phases, accelerations, seeds = st.integers(48, 300), st.integers(2, 12), st.integers(0, 2**31)


def frames(kind: MaskKind, acceleration: int, phase: int, seed: int, count: int) -> torch.Tensor:
    sampling = Sampling(kind, acceleration, default_center_fraction(acceleration, kind))
    return torch.stack([sampling.mask((8, phase), seed, frame) for frame in range(count)])


@given(phases, accelerations, seeds)
def test_as_many_equispaced_frames_as_the_acceleration_measure_every_line_once(
    phase: int, acceleration: int, seed: int
) -> None:
    masks = frames(MaskKind.KT_EQUISPACED, acceleration, phase, seed, acceleration)
    assert (masks.sum(0) == 1).all()


@given(phases, accelerations, seeds)
def test_random_frames_measure_as_many_lines_each_with_the_centre_among_them(
    phase: int, acceleration: int, seed: int
) -> None:
    masks = frames(MaskKind.KT_RANDOM, acceleration, phase, seed, 4)
    center = round(phase * default_center_fraction(acceleration))
    first = (phase - center + 1) // 2
    assert masks[:, first : first + center].all()
    assert set(masks.sum(1).tolist()) == {max(round(phase / acceleration), center)}
    assert not torch.equal(masks[0], masks[1])


def test_random_frames_measure_more_near_the_centre() -> None:
    masks = frames(MaskKind.KT_RANDOM, 4, 200, 0, 100).float().mean(0)
    assert masks[70:90].mean() > 1.5 * masks[:20].mean()


@pytest.mark.parametrize("kind", SERIES)
def test_the_same_name_and_seed_give_the_same_masks(kind: MaskKind) -> None:
    assert torch.equal(frames(kind, 4, 96, 7, 5), frames(kind, 4, 96, 7, 5))


@pytest.mark.parametrize("kind", SERIES)
def test_training_draws_other_lines_in_every_frame_and_epoch(kind: MaskKind) -> None:
    samplings = (Sampling(kind, 4, 0.0), Sampling(kind, 8, 0.0))
    drawn = [draw_mask(samplings, (1, 96), (1, epoch), frame) for epoch in range(8) for frame in range(2)]
    assert {int(mask.sum()) for mask in drawn} == {24, 12}
    assert len({tuple(mask.tolist()) for mask in drawn}) >= 6
    assert torch.equal(drawn[3], draw_mask(samplings, (1, 96), (1, 1), 1))
