"""Saves and loads the state of a run in one file, consistent even if the process is killed while saving."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from recon.data.errors import InputError
from recon.models.checkpoints.checkpoint import write_tensors


@dataclass
class Position:
    """Progress of a training run. All random numbers follow from this and the seed, so no generator is saved.

    Attributes
    ----------
    epochs
        Number of finished epochs.
    batches
        Number of finished batches of the current epoch, over all processes.
    steps
        Number of steps of the optimizer, including skipped ones.
    skipped
        Number of steps skipped because the loss or its gradient was not finite.
    skipped_in_a_row
        Number of steps skipped since the last good one.
    unreadable
        Number of slices that could not be read and were replaced by their neighbours.
    early
        Whether the slices of the current epoch are those of the early part of the schedule.
    done
        Number of finished epochs, with the fraction of the current one, at the last step.
    scheduled
        Place on the schedule, in epochs; see `Schedule`.
    anchor
        Number of finished epochs, and place on the schedule, from which on the latter is counted.
    best
        Quality of the best weights so far, larger is better; at first that of the given weights and the margin.
    losses
        Losses of the steps since the last line of the log.
    lines
        Number of lines of the log.
    """

    epochs: int = 0
    batches: int = 0
    steps: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    unreadable: int = 0
    early: bool = False
    done: float = 0.0
    scheduled: float = 0.0
    anchor: tuple[float, float] = (0.0, 0.0)
    best: float = -math.inf
    losses: list[float] = field(default_factory=list)
    lines: int = 0


_POSITION = TypeAdapter(Position)


def save_state(
    path: Path,
    position: Position,
    architecture: Mapping[str, Any],
    network: nn.Module,
    optimizer: Optimizer,
    average: AveragedModel | None,
) -> None:
    """Save everything that a run needs to resume, whole or not at all.

    The learning rate is not part of it, because it follows from the position.

    Parameters
    ----------
    path
        File to write.
    position
        How far the run has come.
    architecture
        Name and arguments of the network, to be compared when the run resumes.
    network
        Network in training.
    optimizer
        Optimizer of its weights.
    average
        Moving average of its weights; None if there is none.

    Raises
    ------
    InputError
        If the disk is full; an existing file is then kept unchanged.
    """
    moments = optimizer.state_dict()["state"]
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"optimizer.{index}.{key}": moments[index][key] for index in moments for key in moments[index]}
    if average is not None:
        tensors |= {f"average.{key}": value for key, value in average.module.state_dict().items()}
    metadata = {"position": json.dumps(asdict(position)), "architecture": json.dumps(dict(architecture))}
    write_tensors(path, tensors, metadata)


def load_state(
    path: Path,
    architecture: Mapping[str, Any],
    network: nn.Module,
    optimizer: Optimizer,
    average: AveragedModel | None,
) -> Position:
    """Load what `save_state` wrote into the network, the optimizer and the average, and return the position.

    An average that was not saved starts from the weights of the network.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - the file is no mapping
        position = _POSITION.validate_json(metadata["position"])
        stored = json.loads(metadata["architecture"])
    except (SafetensorError, LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(f"{path}: is damaged; remove it to start over") from error
    if stored != json.loads(json.dumps(dict(architecture))):
        raise InputError(f"{path.parent}: contains a run of another network; choose another output")
    try:
        network.load_state_dict(_below("network", tensors))
        _load_moments(optimizer, _moments(_below("optimizer", tensors)))
        if average is not None:
            average.module.load_state_dict(_below("average", tensors) or _below("network", tensors))
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: does not fit the network; remove it to start over") from error
    return position


def _load_moments(optimizer: Optimizer, moments: dict[int, dict[str, Tensor]]) -> None:
    """Load the state of the optimizer, whose moments have the shapes of the weights."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for index, tensors in moments.items():
        if any(moment.ndim and moment.shape != weights[index].shape for moment in tensors.values()):
            raise ValueError(f"the moments of weight {index} have another shape")
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}."): value for key, value in tensors.items() if key.startswith(f"{prefix}.")}


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        moments.setdefault(int(index), {})[name] = value
    return moments
