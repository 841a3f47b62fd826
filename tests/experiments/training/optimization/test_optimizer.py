from itertools import pairwise

import pytest
import torch
from torch import nn

from recon.data.errors import InputError
from recon.experiments.training.config.train_config import OptimizerConfig
from recon.experiments.training.optimization.optimizer import learning_rate, make_optimizer


def test_step_schedule() -> None:
    optimizer = OptimizerConfig(lr=1, lr_step=2, lr_gamma=0.1)
    rates = [learning_rate(optimizer, 6, epoch + 0.5, step=100) for epoch in range(5)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_cosine_schedule_falls_to_zero_through_half() -> None:
    optimizer = OptimizerConfig(lr=2, schedule="cosine")
    rates = [learning_rate(optimizer, 4, progress, step=0) for progress in (0, 1, 2, 3, 4)]
    assert rates[0] == 2
    assert rates[2] == pytest.approx(1)
    assert rates[4] == pytest.approx(0)
    assert all(later < earlier for earlier, later in pairwise(rates))


def test_late_schedule_keeps_the_rate_until_the_last_fifth() -> None:
    optimizer = OptimizerConfig(lr=2, schedule="late")
    rates = [learning_rate(optimizer, 10, progress, step=0) for progress in (0, 5, 8, 9, 10)]
    assert rates == pytest.approx([2, 2, 2, 1, 0])


@pytest.mark.parametrize("schedule", ["step", "cosine", "late"])
def test_warmup_rises_linearly_and_ends(schedule: str) -> None:
    optimizer = OptimizerConfig.model_validate({"lr": 1, "schedule": schedule, "warmup_steps": 4})
    rates = [learning_rate(optimizer, 4, 0, step) for step in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_only_the_named_part_is_trained() -> None:
    network = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2)})
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    optimizer = make_optimizer(OptimizerConfig(lr=0.1, only="second"), network)
    network["second"](network["first"](torch.ones(2))).sum().backward()
    optimizer.step()
    changed = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {"second.weight", "second.bias"}


def test_a_part_that_does_not_exist_is_named_with_those_that_do() -> None:
    network = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2)})
    with pytest.raises(InputError, match=r"only.*'third'.*first, second"):
        make_optimizer(OptimizerConfig(only="third"), network)
