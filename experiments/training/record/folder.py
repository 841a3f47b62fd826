"""What lies in the folder of a run: config, provenance, log, weights, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from recon.data.storage.atomic import atomic_path
from recon.experiments.console import warn
from recon.experiments.training.config.train_config import TrainConfig, as_protocol
from recon.experiments.training.record import provenance
from recon.experiments.training.record.log import LOG, keep_lines
from recon.experiments.training.record.state import Position
from recon.models.checkpoints.checkpoint import save_weights

BEST, LAST, STATE = "best.safetensors", "last.safetensors", "state.safetensors"
CONFIG, PICTURES = "config.yaml", "pictures"


def open_folder(config: TrainConfig, position: Position, described: dict[str, Any], goes_on: bool) -> str:
    """Write config and provenance, and remove what a run that was killed had written after its last state.

    Parameters
    ----------
    config
        Whose `output` is the folder.
    position
        From where the run goes on.
    described
        Its provenance.
    goes_on
        Whether the folder holds its state.

    Returns
    -------
    str
        The identity of the run.
    """
    folder = config.output
    folder.mkdir(parents=True, exist_ok=True)
    for unfinished in folder.glob(".*.part"):
        unfinished.unlink(missing_ok=True)
    keep_lines(folder / LOG, position.lines)
    with atomic_path(folder / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    identity, same_data = provenance.record(folder, described, goes_on)
    if not same_data:
        warn(f"{folder}: goes on with other files than before")
    return identity


def write_weights(
    path: Path, config: TrainConfig, network: nn.Module, position: Position, scores: Mapping[str, Any]
) -> None:
    """Write weights that any command can use, with what they were trained on and how they scored.

    Raises
    ------
    InputError
        If the disk is full; the file is then what it was before.
    """
    code = provenance.describe_code()
    protocol = {
        "training": as_protocol(config),
        "epochs": position.epochs,
        "steps": position.steps,
        "validation": dict(scores),
        "versions": {package: version(package) for package in ("unrolled-recon", "torch", "fastmri")},
        "commit": code and code["commit"],
    }
    save_weights(path, network, config.network.name, config.network.arguments, protocol)
