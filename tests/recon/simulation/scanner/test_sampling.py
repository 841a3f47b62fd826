import numpy as np
import pytest
import torch

from recon.data.masks.kind import MaskKind
from recon.data.masks.planes import LEAST_SIDE
from recon.simulation.scanner.sampling import cut_lines, draw_plane_mask

SHAPE = (96, 120)


@pytest.mark.parametrize("acceleration", [2, 4, 6.5, 10])
def test_a_poisson_disc_has_the_acceleration_and_a_full_middle(acceleration: float) -> None:
    mask = draw_plane_mask(MaskKind.POISSON, SHAPE, acceleration, np.random.default_rng(0))
    assert mask.float().mean() == pytest.approx(1 / acceleration, rel=0.03)
    half = LEAST_SIDE // 2
    assert mask[48 - half : 48 + half, 60 - half : 60 + half].all()


@pytest.mark.parametrize("seed", range(5))
def test_caipi_measures_as_many_samples_as_its_steps_say_in_rows_that_are_alike(seed: int) -> None:
    mask = draw_plane_mask(MaskKind.CAIPI, SHAPE, 6, np.random.default_rng(seed))
    outside = mask.clone()
    outside[30:66, 40:80] = False
    rows = mask[:28].sum(1)[mask[:28].any(1)]
    assert outside.float().sum() == pytest.approx((96 * 120 - 36 * 40) / 6, rel=0.1)
    assert rows.float().std() <= 1


def test_steps_and_shift_of_caipi_are_left_to_chance() -> None:
    masks = [draw_plane_mask(MaskKind.CAIPI, SHAPE, 4, np.random.default_rng(seed))[:28] for seed in range(20)]
    assert {int(mask.any(1).sum()) for mask in masks} >= {14, 28}


@pytest.mark.parametrize("kind", [MaskKind.POISSON, MaskKind.CAIPI])
def test_masks_follow_from_the_seed(kind: MaskKind) -> None:
    one, again, other = (draw_plane_mask(kind, SHAPE, 5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_cutting_keeps_the_share_at_the_beginning() -> None:
    assert cut_lines(torch.ones(10, dtype=torch.bool), 0.7).tolist() == [True] * 7 + [False] * 3
