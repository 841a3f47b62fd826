"""Prepares the output folder of a run, and writes weights to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.versions import OURS, version_of
from recon.experiments.console import warn
from recon.experiments.training.config.train_config import TrainConfig, as_protocol
from recon.experiments.training.record.log import LOG, truncate_log
from recon.experiments.training.record.provenance import RUN, describe_code, is_run, write_provenance
from recon.experiments.training.record.state import Position
from recon.models.checkpoints.checkpoint import save_weights
from recon.quality.noise_floor import RULE

BEST, LAST, STATE = "best.safetensors", "last.safetensors", "state.safetensors"
CONFIG, PICTURES = "config.yaml", "pictures"


def prepare_folder(config: TrainConfig, position: Position, provenance: dict[str, Any], resumed: bool) -> str:
    """Write config and provenance, and remove what a killed run wrote after its last state.

    Parameters
    ----------
    config
        Config whose `output` is the folder.
    position
        Position from which the run starts or resumes.
    provenance
        Provenance of the run, see `describe_run`.
    resumed
        Whether the run resumes from a state in the folder.

    Returns
    -------
    str
        Identity of the run.

    Raises
    ------
    InputError
        If a new run would replace files that no run has written, or the record of earlier starts is damaged.
    """
    folder = config.output
    if not resumed:
        _check_replaceable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    identity, same_data = write_provenance(folder, provenance, resumed)  # first, because it marks the folder as ours
    for unfinished in folder.glob(".*.part"):
        unfinished.unlink(missing_ok=True)
    truncate_log(folder / LOG, position.lines)
    with atomic_path(folder / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    if not same_data:
        warn(f"{folder}: the run resumes with other files than before")
    return identity


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder whose files a new run would replace, unless an earlier run wrote them and saved no state."""
    there = [folder / name for name in (RUN, CONFIG, LOG, BEST, LAST) if os.path.lexists(folder / name)]
    if there and not is_run(folder):
        raise InputError(f"{there[0]}: exists already and was not written by a run; choose another output")


def write_weights(
    path: Path, config: TrainConfig, network: nn.Module, position: Position, scores: Mapping[str, Any]
) -> None:
    """Write weights that all commands accept, together with how they were trained and their scores.

    Raises
    ------
    InputError
        If the disk is full; an existing file is then kept unchanged.
    """
    code = describe_code()
    protocol = {
        "training": as_protocol(config),
        "epochs": position.epochs,
        "steps": position.steps,
        "validation": dict(scores),
        "noise floor": RULE,
        "versions": {package: version_of(package) for package in (OURS, "torch", "fastmri")},
        "commit": code and code["commit"],
    }
    save_weights(path, network, config.network.name, config.network.arguments, protocol)
