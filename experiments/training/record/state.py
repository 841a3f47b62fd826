"""Where a run stands, in one file: kill the process when you like, the file is that of one moment."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from recon.data.errors import InputError
from recon.experiments.training.average import Average
from recon.models.checkpoints.checkpoint import write_tensors


@dataclass
class Position:
    """How far a run has come. All that is random follows from this and the seed, so no generator is stored.

    Attributes
    ----------
    epochs
        Done.
    batches
        Done of the next epoch, over all processes.
    steps
        Of the optimizer in all, those that were skipped among them.
    skipped, skipped_in_a_row
        Steps not taken because the loss or its gradient was not finite; without a good one in between.
    unreadable
        Slices that could not be read and were replaced by their neighbours.
    best
        Quality of the best weights so far, the larger the better.
    losses
        Of the steps since the last line of the log.
    lines
        Of the log.
    """

    epochs: int = 0
    batches: int = 0
    steps: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    unreadable: int = 0
    best: float = -math.inf
    losses: list[float] = field(default_factory=list)
    lines: int = 0


def save_state(
    path: Path,
    position: Position,
    architecture: Mapping[str, Any],
    network: nn.Module,
    optimizer: Optimizer,
    average: Average | None,
) -> None:
    """Write all that is needed to go on, whole or not at all.

    The learning rate is not part of it: the schedule is a function of the position.

    Parameters
    ----------
    path
        Where to.
    position
        How far the run has come.
    architecture
        What the network is, to be compared when the run goes on.
    network, optimizer, average
        Whose tensors to keep; `average` None if there is none.

    Raises
    ------
    InputError
        If the disk is full; the file is then what it was before.
    """
    moments = optimizer.state_dict()["state"]
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"optimizer.{index}.{key}": moments[index][key] for index in moments for key in moments[index]}
    if average is not None:
        tensors |= {f"average.{key}": value for key, value in average.weights.items()}
    metadata = {"position": json.dumps(asdict(position)), "architecture": json.dumps(dict(architecture))}
    write_tensors(path, tensors, metadata)


def load_state(
    path: Path,
    architecture: Mapping[str, Any],
    network: nn.Module,
    optimizer: Optimizer,
    average: Average | None,
) -> Position:
    """Read what `save_state` wrote into the network, the optimizer and the average.

    Raises
    ------
    InputError
        If the file is damaged or of another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
        position = Position(**json.loads(metadata["position"]))
        stored = json.loads(metadata["architecture"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is damaged; remove it to begin anew") from error
    if stored != json.loads(json.dumps(dict(architecture))):
        raise InputError(f"{path.parent}: holds a run of another network; choose another output")
    network.load_state_dict(_below("network", tensors))
    optimizer.load_state_dict(
        {"state": _moments(_below("optimizer", tensors)), "param_groups": optimizer.state_dict()["param_groups"]}
    )
    if average is not None:
        average.load(_below("average", tensors) or _below("network", tensors))
    return position


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}."): value for key, value in tensors.items() if key.startswith(f"{prefix}.")}


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        moments.setdefault(int(index), {})[name] = value
    return moments
