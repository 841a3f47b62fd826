import pytest
import torch
from torch import nn

from recon.experiments.training.optimization.average import make_average, update_average


def linear(value: float) -> nn.Linear:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def test_average_of_constant_weights_is_these_weights() -> None:
    network = linear(3)
    average = make_average(network, 0.9)
    for step in range(5):
        update_average(average, network, step)
    assert average.module.weight.item() == pytest.approx(3)


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_decay_grows_from_a_tenth_to_its_final_value(decay: float) -> None:
    network = linear(0)
    average, expected = make_average(network, decay), 0.0
    nn.init.constant_(network.weight, 1)
    for step in range(100):
        update_average(average, network, step)
        used = min(decay, (1 + step) / (10 + step))
        expected = used * expected + (1 - used)
        assert average.module.weight.item() == pytest.approx(expected)


def test_steps_that_were_skipped_count() -> None:
    network = linear(0)
    average = make_average(network, 0.999)
    nn.init.constant_(network.weight, 1)
    update_average(average, network, step=2)
    torch.testing.assert_close(average.module.weight, torch.full((1, 1), 1 - 3 / 12))
