"""`recon finetune`: adapt a trained network to one acquisition, by the lines that were measured alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from recon.data.errors import InputError
from recon.experiments.console import say
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.train import train
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate

CONFIG = Path("finetune.yaml")


def finetune(checkpoint: str | Path, acquisition: Path, output: Path, overrides: Sequence[str], resume: bool) -> Path:
    """Train all weights on one scan, self-supervised, until lines that were set aside are predicted best.

    The idea is that of zero-shot self-supervision (Yaman et al. 2022): of the measured lines some are set aside for
    validation, the others are parted into given and held ones, another way in every epoch.

    Parameters
    ----------
    checkpoint
        Weights to begin from: of `recon train`, or a VarNet checkpoint of fastMRI; a file, the name of weights that
        ship, or a repository of the Hugging Face Hub.
    acquisition
        One raw-data file, undersampled; a fully sampled one is undersampled first, as the config says.
    output
        Folder of the run.
    overrides
        `key=value`, replacing values of `finetune.yaml`.
    resume
        Whether to go on with a run that was stopped.

    Returns
    -------
    Path
        The weights that predict best what was set aside; they are for this acquisition.

    Raises
    ------
    InputError
        If the checkpoint or the file cannot be used.
    """
    if acquisition.is_dir():
        raise InputError(f"{acquisition}: is a folder; give one file, or train with training.mode=ssdu on many")
    best = train(finetuning(checkpoint, acquisition, output, overrides), resume=resume)
    say(f"weights for {acquisition.name}: {best}")
    return best


def finetuning(checkpoint: str | Path, acquisition: Path, output: Path, overrides: Sequence[str]) -> TrainConfig:
    """Make the config of such a run: the checkpoint tells the network, `finetune.yaml` the rest.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or an override is wrong.
    """
    loaded = load_model(locate(checkpoint))
    known = {
        "output": str(output),
        "data.train": str(acquisition),
        "data.val": str(acquisition),
        "network.name": loaded.name,
        "network.arguments": loaded.arguments,
        "network.weights": str(loaded.path),
    }
    return load_config(CONFIG, [*(f"{key}={json.dumps(value)}" for key, value in known.items()), *overrides])
