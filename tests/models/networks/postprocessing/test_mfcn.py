"""The multi-scale fusion network: what was measured stays, scale does not matter, and every path counts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from helpers.learned.enlarged import measured_kspace
from recon.fourier import fft, ifft
from recon.models.networks.postprocessing.mfcn import Mfcn
from recon.models.networks.postprocessing.sharp import enlarged_kspace


def network() -> Mfcn:
    torch.manual_seed(0)
    return Mfcn(blocks=2, chans=6)


def image(rows: int, columns: int) -> Tensor:
    return torch.randn(1, rows, columns, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


def sigma(level: float) -> Tensor:
    return torch.full((1, 1, 1), level)


@given(rows=st.integers(8, 21), columns=st.integers(8, 21), more=st.tuples(st.floats(1, 2), st.floats(1, 2)))
def test_measured_samples_stay_exactly(rows: int, columns: int, more: tuple[float, float]) -> None:
    low, size = image(rows, columns), (round(rows * more[0]), round(columns * more[1]))
    with torch.no_grad():
        enlarged = network()(low, sigma(0.1), size)
    assert enlarged.shape == (1, *size)
    measured = fft(low)
    assert (measured_kspace(enlarged, (rows, columns)) - measured).abs().amax() < 1e-6 * measured.abs().amax()


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_it_scales_with_its_input_and_turns_with_its_phase(factor: float) -> None:
    low, net, turn = image(17, 14), network(), torch.polar(torch.tensor(factor), torch.tensor(2.1))
    with torch.no_grad():
        plain, scaled = net(low, sigma(0.1), (32, 28)), net(turn * low, sigma(0.1 * factor), (32, 28))
    torch.testing.assert_close(scaled / turn, plain, rtol=1e-4, atol=1e-5)


def test_every_weight_of_every_path_changes_the_result() -> None:
    low, net = image(16, 16), network()
    net(low, sigma(0.1), (32, 32)).abs().square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.norm() > 0, name


def test_a_unit_sees_two_pixels_to_every_side() -> None:
    net, features = network(), torch.rand(1, 6, 11, 11, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        changed = net.units[0](features + torch.nn.functional.pad(torch.ones(1, 6, 1, 1), [5] * 4))
        reach = (changed != net.units[0](features)).any(1)[0]
    rows, columns = reach.nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())) == (3, 7, 3, 7)


def test_without_training_it_almost_fills_with_zeros() -> None:
    low = image(16, 16)
    zeros = ifft(enlarged_kspace(low, (32, 32)))
    with torch.no_grad():
        added = network()(low, sigma(0.1), (32, 32)) - zeros
    assert 1e-4 * zeros.norm() < added.norm() < 0.3 * zeros.norm()
