import numpy as np
import pytest
import torch

from recon.simulation.scanner.sampling import CENTRE_SIDE, caipi, cut_lines, poisson_disc

SHAPE = (96, 120)


@pytest.mark.parametrize("acceleration", [2, 4, 6.5, 10])
def test_a_poisson_disc_has_the_acceleration_and_a_full_middle(acceleration: float) -> None:
    mask = poisson_disc(SHAPE, acceleration, np.random.default_rng(0))
    assert mask.float().mean() == pytest.approx(1 / acceleration, rel=0.03)
    half = CENTRE_SIDE // 2
    assert mask[48 - half : 48 + half, 60 - half : 60 + half].all()


def test_samples_of_a_poisson_disc_keep_their_distance() -> None:
    mask = poisson_disc(SHAPE, 8, np.random.default_rng(1))
    rows, columns = mask[:30].nonzero().T
    apart = torch.maximum((rows[:, None] - rows).abs(), (columns[:, None] - columns).abs())
    assert apart.fill_diagonal_(99).min() > 1


@pytest.mark.parametrize("seed", range(5))
def test_caipi_measures_as_many_samples_as_its_steps_say_in_rows_that_are_alike(seed: int) -> None:
    mask = caipi(SHAPE, 6, np.random.default_rng(seed))
    outside = mask.clone()
    outside[30:66, 40:80] = False
    rows = mask[:28].sum(1)[mask[:28].any(1)]
    assert outside.float().sum() == pytest.approx((96 * 120 - 36 * 40) / 6, rel=0.1)
    assert rows.float().std() <= 1


@pytest.mark.parametrize("draw", [poisson_disc, caipi])
def test_masks_follow_from_the_seed(draw) -> None:
    one, again, other = (draw(SHAPE, 5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_cutting_keeps_the_share_at_the_beginning() -> None:
    assert cut_lines(torch.ones(10, dtype=torch.bool), 0.7).tolist() == [True] * 7 + [False] * 3
