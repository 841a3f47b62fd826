import numpy as np
import pytest
import torch

from recon.simulation.scanner.subject.objects import OBJECT, add_implants, add_lesions, deform, mix

SEEDS = range(5)
Y, X = torch.meshgrid(torch.linspace(-1, 1, 120), torch.linspace(-1, 1, 100), indexing="ij")
DISC = ((torch.hypot(X, Y) < 0.7) * (0.6 + 0.1 * torch.sin(20 * X))).float()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mixture_lies_between_its_images(seed: int) -> None:
    mixed = mix(torch.zeros(60, 50), torch.ones(40, 44), np.random.default_rng(seed))
    assert mixed.shape == (60, 50)
    assert 0 <= mixed.min() < 0.5 < mixed.max() <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_elastic_deformation_moves_edges_and_makes_no_new_brightness(seed: int) -> None:
    deformed = deform(DISC, np.random.default_rng(seed))
    assert not torch.equal(deformed, DISC)
    assert 0 <= deformed.min() <= deformed.max() <= DISC.max() + 1e-6
    assert deformed.sum() == pytest.approx(float(DISC.sum()), rel=0.4)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("add", [add_lesions, add_implants])
def test_lesions_and_implants_change_a_part_of_the_object(seed: int, add) -> None:
    changed = (add(DISC, np.random.default_rng(seed)) - DISC).abs() > 0.05
    assert 0 < changed.sum() < 0.5 * (DISC > OBJECT).sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_lesions_leave_air_alone(seed: int) -> None:
    air = DISC < OBJECT
    assert torch.equal(add_lesions(DISC, np.random.default_rng(seed))[air], DISC[air])


def test_lesions_are_darker_and_brighter() -> None:
    changes = [add_lesions(DISC, np.random.default_rng(seed)) - DISC for seed in range(10)]
    assert any(change.min() < -0.05 for change in changes)
    assert any(change.max() > 0.05 for change in changes)


def test_nothing_is_placed_in_an_empty_image_but_an_implant() -> None:
    empty = torch.zeros(30, 30)
    assert torch.equal(add_lesions(empty, np.random.default_rng(0)), empty)
    assert add_implants(empty, np.random.default_rng(0)).isfinite().all()


def test_the_seed_decides() -> None:
    for vary in (deform, add_lesions, add_implants):
        one, again = (vary(DISC, np.random.default_rng(4)) for _ in range(2))
        assert torch.equal(one, again)
