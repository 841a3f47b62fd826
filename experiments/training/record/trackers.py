"""Starts the experiment trackers that a config asks for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from accelerate import Accelerator

from recon.data.errors import InputError
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.log import flatten

PROJECT = "unrolled-recon"
PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}


def check_trackers(names: Sequence[str]) -> None:
    """Raise `InputError` if the package of a tracker is not installed."""
    for name in names:
        if not any(find_spec(package) for package in PACKAGES[name]):
            raise InputError(
                f"the tracker {name} is not installed; `pip install {name}`, or leave it out of trackers"
            )


def start_trackers(accelerator: Accelerator, config: TrainConfig, run: str) -> None:
    """Start the trackers of a config for a new or resumed run.

    Parameters
    ----------
    accelerator
        Accelerator made with the names of the trackers.
    config
        Training config, which the trackers store as hyperparameters.
    run
        Identity of the run, by which W&B finds the curves to continue.

    Raises
    ------
    InputError
        If a tracker does not start, for example because the user is not logged in.
    """
    if config.trackers:
        wandb = {"id": run, "name": config.output.name, "dir": str(config.output), "resume": "allow"}
        parameters = {key: str(value) for key, value in flatten(config.model_dump(mode="json")).items()}
        try:
            accelerator.init_trackers(PROJECT, parameters, {"wandb": wandb} if "wandb" in config.trackers else {})
        except Exception as error:  # trackers raise errors of any class
            accelerator.trackers.clear()  # a tracker that did not start cannot be ended
            names = " and ".join(config.trackers)
            raise InputError(f"{names}: the tracker did not start: {' '.join(str(error).split())}") from error
