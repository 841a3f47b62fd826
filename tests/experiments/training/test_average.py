import pytest
import torch
from torch import nn

from recon.experiments.training.average import Average


def linear(value: float) -> nn.Module:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


def test_average_of_weights_that_stand_still_is_them() -> None:
    average = Average(linear(3), 0.9)
    for step in range(5):
        average.update(step)
    assert average.weights["weight"].item() == pytest.approx(3)


def test_average_lies_between_and_forgets_the_beginning() -> None:
    network = linear(0)
    average = Average(network, 0.999)
    nn.init.constant_(network.weight, 1)
    reached = []
    for step in range(100):
        average.update(step)
        reached.append(average.weights["weight"].item())
    assert reached == sorted(reached)
    assert 0.89 < reached[0] < reached[-1] <= 1


def test_network_has_the_average_inside_the_block_alone() -> None:
    network = linear(0)
    average = Average(network, 0.5)
    nn.init.constant_(network.weight, 1)
    with average.applied():
        assert network.weight.item() == 0
    assert network.weight.item() == 1
    with pytest.raises(ArithmeticError), average.applied():
        raise ArithmeticError
    assert network.weight.item() == 1
    torch.testing.assert_close(average.weights["weight"], torch.zeros(1, 1))
