"""The super-resolution network: what was measured stays, and scale does not matter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.learned.enlarged import measured_kspace
from recon.fourier import fft, ifft
from recon.models.networks.postprocessing.sharp import Sharp, enlarged_kspace


def network(**arguments: int) -> Sharp:
    torch.manual_seed(0)
    return Sharp(**({"num_cascades": 2, "blocks": 1, "chans": 8} | arguments))


def image(rows: int, columns: int, batch: int = 1) -> Tensor:
    return torch.randn(batch, rows, columns, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


def sigma(level: float) -> Tensor:
    return torch.full((1, 1, 1), level)


@given(
    rows=st.integers(8, 21),
    columns=st.integers(8, 21),
    more=st.tuples(st.floats(1, 2), st.floats(1, 2)),
    seed=st.integers(0, 9),
)
def test_measured_samples_stay_exactly(rows: int, columns: int, more: tuple[float, float], seed: int) -> None:
    torch.manual_seed(seed)
    low, size = image(rows, columns), (round(rows * more[0]), round(columns * more[1]))
    with torch.no_grad():
        enlarged = network()(low, sigma(0.1), size)
    assert enlarged.shape == (1, *size)
    kept, given_ = measured_kspace(enlarged, (rows, columns)), fft(low)
    assert (kept - given_).abs().amax() < 1e-6 * given_.abs().amax()


def test_it_adds_what_was_not_measured() -> None:
    low = image(16, 16)
    with torch.no_grad():
        added = network()(low, sigma(0.1), (32, 32)) - ifft(enlarged_kspace(low, (32, 32)))
    assert added.norm() > 1e-3 * low.norm()


@pytest.mark.parametrize("factor", [1e-3, 0.5, 7.0, 1e4])
def test_it_scales_with_its_input(factor: float) -> None:
    low, net = image(17, 14), network()
    with torch.no_grad():
        plain, scaled = net(low, sigma(0.1), (32, 28)), net(factor * low, sigma(0.1 * factor), (32, 28))
    torch.testing.assert_close(scaled / factor, plain, rtol=1e-4, atol=1e-5)


def test_a_constant_phase_is_one_of_the_result() -> None:
    low, net = image(17, 14), network()
    turn = torch.polar(torch.tensor(1.0), torch.tensor(2.1))
    with torch.no_grad():
        plain, turned = net(low, sigma(0.1), (32, 28)), net(turn * low, sigma(0.1), (32, 28))
    torch.testing.assert_close(turned / turn, plain, rtol=1e-4, atol=1e-5)


def test_it_sees_the_noise() -> None:
    low, net = image(16, 16), network()
    with torch.no_grad():
        quiet, loud = net(low, sigma(0.0), (32, 32)), net(low, sigma(1.0), (32, 32))
        level = torch.zeros(1, 16, 16)
        level[:, :, 12:] = 1.0
        changed = (net(low, level, (32, 32)) - quiet).abs()
    assert (loud - quiet).norm() > 1e-3 * quiet.norm()
    assert changed[..., 24:].mean() > changed[..., :16].mean()


def test_images_of_a_batch_do_not_mix() -> None:
    low, net = image(16, 12, batch=3), network()
    levels = torch.rand(3, 16, 12)
    with torch.no_grad():
        together = net(low, levels, (24, 24))
        alone = torch.cat([net(low[n : n + 1], levels[n : n + 1], (24, 24)) for n in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)


def test_an_enlarged_image_keeps_its_brightness() -> None:
    flat = torch.ones(1, 15, 12, dtype=torch.complex64)
    torch.testing.assert_close(ifft(enlarged_kspace(flat, (30, 19))), torch.ones(1, 30, 19, dtype=torch.complex64))


def test_it_is_small() -> None:
    assert sum(weight.numel() for weight in Sharp().parameters()) < 2e6
