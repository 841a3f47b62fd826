"""Pairs to train an enlarger on are made in k-space, of complex images with noise."""

import numpy as np
import pytest
import torch

from recon.crop import center_crop
from recon.fourier import fft
from recon.simulation.cropped_scans import CroppedScans, lowered
from recon.simulation.noisy_patches import PatchPlan, PatchSimulator, brightness
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.subject.anatomy import draw_heads


@pytest.fixture(scope="module")
def pairs() -> CroppedScans:
    simulator = Simulator(draw_heads(1, 0), (), Ranges(matrix=(48, 72)))
    plan = PatchPlan(noise=(0.01, 0.05), mapped=0.0)
    return CroppedScans(PatchSimulator(simulator, plan), 12, (3, 0), together=2)


def test_the_noisy_image_is_the_centre_of_k_space_plus_white_noise(pairs: CroppedScans) -> None:
    for index in range(4):
        noisy, clean, sigma = (tensor[0] for tensor in pairs[index])
        share = (noisy.numel() / clean.numel()) ** 0.5
        noise = fft(noisy) - share * center_crop(fft(clean), noisy.shape)
        assert noise.real.std() == pytest.approx(float(sigma.mean()), rel=0.1)
        assert noise.imag.std() == pytest.approx(float(sigma.mean()), rel=0.1)
        assert 0.009 < sigma.mean() / brightness(clean) < 0.051
        assert clean.is_complex()
        assert clean.imag.abs().amax() > 0.01 * clean.abs().amax()


def test_a_pair_depends_on_seed_and_index_alone_and_batches_share_their_shape(pairs: CroppedScans) -> None:
    shapes = pairs.shapes()
    for index in (0, 1, 5):
        pair, again = pairs[index], pairs[index]
        assert all(torch.equal(one, other) for one, other in zip(pair, again, strict=True))
        assert (1, *pair.clean.shape[1:], *pair.noisy.shape[1:]) == shapes[index]
    assert shapes[::2] == shapes[1::2]
    assert len(set(shapes)) > 3


def test_either_axis_is_shortened_by_up_to_two(pairs: CroppedScans) -> None:
    many = CroppedScans(pairs.simulator, 200, (0, 0))
    factors = np.array([(rows / low, columns / short) for _, rows, columns, low, short in many.shapes()])
    assert factors.min() == 1
    assert factors.max() <= 2
    assert ((factors == 2).all(1)).mean() == pytest.approx(0.5, abs=0.1)
    assert ((factors == [1, 2]).all(1)).mean() == pytest.approx(0.25, abs=0.1)


def test_a_lowered_image_keeps_its_brightness() -> None:
    flat = torch.ones(40, 30, dtype=torch.complex64)
    torch.testing.assert_close(lowered(flat, (20, 21)), torch.ones(20, 21, dtype=torch.complex64))
