"""Train variants for a given time."""

from pathlib import Path

import pytest
import torch

from recon.experiments.benchmark.ablation import training
from recon.experiments.benchmark.ablation.learned_operators import ADDITIONS
from recon.experiments.benchmark.ablation.training import train_for
from recon.experiments.benchmark.ablation.variants import VARIANTS
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.input.training_data import open_training_data


@pytest.fixture
def config(images: Path) -> TrainConfig:
    small = ["data.simulation.matrix=[48, 64]", "data.simulation.heads=0", "data.simulation.maps=null"]
    return load_config(Path("varnet_general"), [f"data.train={images}", *small, "batch_size=2", "early.matrix=null"])


@pytest.mark.parametrize("name", ["general", "paper"])
def test_every_batch_is_used_as_often_as_the_configuration_says(
    name: str, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "APART", 2)
    monkeypatch.setattr(training, "_time_shares", lambda _: iter([0, 0.3, 0.5, 0.7, 0.9]))
    stream = open_training_data(config, torch.device("cpu")).epoch(0)
    read: list[int] = []

    class Recorded:
        def __getitem__(self, index: int) -> object:
            read.append(index)
            return stream[index]

    assert train_for(1, VARIANTS[name].build(), Recorded(), config, name) == 5  # type: ignore[arg-type]
    assert read == [0, 1, 2, 3, 4, 5]  # two batches twice each, then a third


def test_additions_learn_faster_than_the_weights_they_are_added_to() -> None:
    network = VARIANTS["weighted-consistency"].build()
    config = TrainConfig.model_construct(optimizer=load_config(Path("varnet_general"), ["data.train=x"]).optimizer)
    slow, fast = training._optimizer(network, config).param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert all(not ADDITIONS.isdisjoint(names[id(one)].split(".")) for one in fast["params"])
    assert len(slow["params"]) + len(fast["params"]) == len(names)
    assert fast["factor"] == training.FASTER
