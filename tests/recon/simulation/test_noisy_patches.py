"""Patches of simulated images, on which denoisers are trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.simulation.noisy_patches import PatchPlan, PatchSimulator, PatchSlices, brightness, white_noise
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.subject.anatomy import draw_heads

PLAN = PatchPlan(size=24, count=6, noise=(0.05, 0.1), mapped=0.0)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(draw_heads(1, seed=0), ranges=Ranges(matrix=(48, 64)))


def test_patches_follow_from_seed_and_index_alone(simulator: Simulator) -> None:
    images = PatchSlices(PatchSimulator(simulator, PLAN), 3, (1, 2))
    assert len(images) == len(images.shapes()) == 3
    first, again, second = images[0], images[0], images[1]
    assert first.noisy.shape == images.shapes()[0] == (6, 24, 24)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first.clean, second.clean)
    assert images.where(1) == "simulated image 1 of seed 1, 2"


def test_the_noise_has_the_stated_level_in_real_and_imaginary_part(simulator: Simulator) -> None:
    patches = PatchSimulator(simulator, PLAN).patches(np.random.default_rng(0))
    noise = (patches.noisy - patches.clean) / patches.sigma
    assert float(noise.real.std()) == pytest.approx(1, abs=0.03)
    assert float(noise.imag.std()) == pytest.approx(1, abs=0.03)
    assert patches.sigma.amax() <= 2 * patches.sigma.amin()


def test_the_noise_of_some_patches_varies_from_pixel_to_pixel(simulator: Simulator) -> None:
    plan = replace(PLAN, mapped=1.0)
    sigma = PatchSimulator(simulator, plan).patches(np.random.default_rng(0)).sigma
    assert (sigma.amax((1, 2)) > 1.2 * sigma.amin((1, 2))).all()


def test_images_without_phase_are_real(simulator: Simulator) -> None:
    plan = replace(PLAN, phase=False)
    patches = PatchSimulator(simulator, plan).patches(np.random.default_rng(0))
    assert patches.noisy.dtype == patches.clean.dtype == torch.float32
    assert float(((patches.noisy - patches.clean) / patches.sigma).std()) == pytest.approx(1, abs=0.03)


def test_most_patches_show_the_object(simulator: Simulator) -> None:
    patches = [PatchSimulator(simulator, PLAN).patches(np.random.default_rng(seed)) for seed in range(5)]
    bright = torch.stack([part.clean.abs().amax((1, 2)) > 0.2 * part.clean.abs().amax() for part in patches])
    assert bright.float().mean() > 0.7


def test_brightness_ignores_a_few_bright_pixels() -> None:
    image = torch.ones(40, 40)
    image[0, 0] = 100
    assert brightness(image) == pytest.approx(1)
    assert white_noise(image, np.random.default_rng(0)).dtype == torch.float32
