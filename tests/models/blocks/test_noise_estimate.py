import pytest
import torch

from helpers.objects import object_acquisition
from helpers.slices import random_kspace
from recon.models.blocks.noise_estimate import noise_levels, noise_map
from recon.models.blocks.posing import pose


def test_the_noise_map_is_the_noise_of_an_image() -> None:
    kspace, mask = random_kspace(1, 4, 64, 48), torch.ones(1, 1, 1, 48, dtype=torch.bool)
    (level,) = noise_levels(kspace, mask)
    assert level == pytest.approx(1, rel=0.1)
    (problem,) = pose(object_acquisition(coils=4, readout=64, phase=48).kspace[None], mask, None, None)
    quiet, loud = (noise_map(problem, sigma * problem.scale) for sigma in (torch.tensor(0.01), torch.tensor(0.02)))
    torch.testing.assert_close(loud, 2 * quiet)
    assert 0.1 * 0.02 < loud.median() < 2 * 0.02
