from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from recon.data.errors import InputError
from recon.experiments.training.optimization.average import make_average, update_average
from recon.experiments.training.record.state import Position, load_state, save_state
from recon.models.checkpoints.checkpoint import write_tensors

ARCHITECTURE = {"name": "linear", "arguments": {"sizes": (3, 2)}}


def trained(steps: int) -> tuple[nn.Module, Any, AveragedModel]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    average = make_average(network, 0.9)
    for step in range(steps):
        take_step(network, optimizer, average, step)
    return network, optimizer, average


def take_step(network: nn.Module, optimizer: Any, average: AveragedModel, step: int) -> Tensor:
    torch.manual_seed(step)
    optimizer.zero_grad()
    loss: Tensor = network(torch.randn(5, 3)).square().sum()
    loss.backward()
    optimizer.step()
    update_average(average, network, step)
    return loss


def test_loaded_state_continues_like_the_saved_one(tmp_path: Path) -> None:
    position = Position(epochs=2, batches=3, steps=7, best=0.5, losses=[0.1, 0.2], lines=4)
    saved, loaded = trained(7), trained(0)
    save_state(tmp_path / "state", position, ARCHITECTURE, *saved)
    assert load_state(tmp_path / "state", ARCHITECTURE, *loaded) == position
    for step in range(7, 10):
        assert take_step(*saved, step) == take_step(*loaded, step)
    assert torch.equal(saved[2].module.weight, loaded[2].module.weight)


def test_position_of_a_run_without_a_score_is_restored(tmp_path: Path) -> None:
    save_state(tmp_path / "state", Position(), ARCHITECTURE, *trained(0))
    assert load_state(tmp_path / "state", ARCHITECTURE, *trained(0)) == Position()


def test_average_that_was_not_saved_starts_from_the_weights(tmp_path: Path) -> None:
    network, optimizer, _ = trained(3)
    save_state(tmp_path / "state", Position(), ARCHITECTURE, network, optimizer, None)
    loaded = trained(0)
    load_state(tmp_path / "state", ARCHITECTURE, *loaded)
    assert torch.equal(loaded[2].module.weight, network.get_parameter("weight"))


def test_state_of_another_network_and_a_damaged_one_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_state(path, Position(), ARCHITECTURE, *trained(1))
    with pytest.raises(InputError, match="a run of another network"):
        load_state(path, {"name": "other", "arguments": {}}, *trained(0))
    save_state(path, Position(), ARCHITECTURE, *trained(1))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged; remove it to start over"):
        load_state(path, ARCHITECTURE, *trained(0))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position", "[]"),
        ("position", '{"epochs": "many"}'),
        ("position", '{"losses": 3}'),
        ("position", "[" * 100_000),
        ("architecture", "[" * 100_000),
        ("architecture", "no JSON"),
    ],
)
def test_a_tampered_record_of_a_state_is_refused(tmp_path: Path, key: str, value: str) -> None:
    tampered(tmp_path / "state", {key: value}, {})
    with pytest.raises(InputError, match="is damaged; remove it to start over"):
        load_state(tmp_path / "state", ARCHITECTURE, *trained(0))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network.weight", torch.zeros(4)),
        ("network.more", torch.zeros(4)),
        ("optimizer.x.exp_avg", torch.zeros(4)),
        ("optimizer.9.exp_avg", torch.zeros(4)),
        ("optimizer.0.exp_avg", torch.zeros(4)),
        ("average.weight", torch.zeros(())),
    ],
)
def test_tampered_tensors_of_a_state_are_refused(tmp_path: Path, key: str, value: Tensor) -> None:
    tampered(tmp_path / "state", {}, {key: value})
    with pytest.raises(InputError, match="does not fit the network; remove it to start over"):
        load_state(tmp_path / "state", ARCHITECTURE, *trained(0))


def tampered(path: Path, metadata: dict[str, str], tensors: dict[str, Tensor]) -> None:
    save_state(path, Position(), ARCHITECTURE, *trained(1))
    with safe_open(path, framework="pt") as file:
        before = file.metadata()
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    write_tensors(path, stored | tensors, before | metadata)
