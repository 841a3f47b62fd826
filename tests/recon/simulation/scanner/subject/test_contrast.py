import numpy as np
import pytest
import torch

from recon.simulation.scanner.subject.contrast import BACKGROUND, gamma, remap, shade, synthesise, vary_contrast

RAMP = torch.linspace(0, 1, 101)[None].expand(5, -1)


@pytest.mark.parametrize("seed", range(4))
def test_gamma_keeps_the_order_and_the_ends(seed: int) -> None:
    image = gamma(RAMP, np.random.default_rng(seed))
    assert (image.diff(dim=1) > 0).all()
    assert image[0, 0] == 0
    assert image[0, -1] == 1
    power = float(image[0, 50].log() / RAMP[0, 50].log())
    assert 0.6 <= power <= 1.6


@pytest.mark.parametrize("seed", range(4))
def test_remapped_tissue_is_bright_and_air_stays_dark(seed: int) -> None:
    image = remap(RAMP, np.random.default_rng(seed))
    assert image[0, 0] == 0
    tissue = image[RAMP > BACKGROUND]
    assert tissue.min() >= 0.15 - 1e-6
    assert tissue.max() <= 1 + 1e-6


def test_shading_is_a_smooth_positive_factor() -> None:
    factor = shade(torch.ones(64, 48), np.random.default_rng(0))
    assert factor.min() > 0.3
    assert factor.max() < 3
    assert factor.log().diff(dim=0).abs().max() < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_synthetic_contrast_gives_each_tissue_one_brightness(seed: int) -> None:
    tissues = torch.tensor([0.0, 0.3, 0.6, 0.9]).repeat_interleave(40)[None].expand(40, -1)
    image = synthesise(tissues, np.random.default_rng(seed))
    assert (image[:, :40] == 0).all()
    assert 0 <= image.min() < image.max() < 2
    for first in (40, 80, 120):
        assert image[:, first : first + 40].std() < 1e-6


def test_synthetic_contrast_leaves_air_dark() -> None:
    assert not synthesise(torch.zeros(8, 8), np.random.default_rng(0)).any()


def test_the_share_decides_on_synthetic_contrast() -> None:
    steps = torch.tensor([0.3, 0.6, 0.9]).repeat_interleave(40)[None].expand(40, -1)
    orders = set()
    for seed in range(12):
        image = vary_contrast(steps, 1.0, np.random.default_rng(seed))
        orders.add(bool(image[:, :40].mean() < image[:, 80:].mean()))
    assert orders == {True, False}
