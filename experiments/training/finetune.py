"""`recon finetune`: adapts a trained network to one acquisition, using nothing but its measured lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from recon.data.errors import InputError
from recon.experiments.console import say
from recon.experiments.training.config.config_file import load_config
from recon.experiments.training.config.train_config import TrainConfig
from recon.experiments.training.record.folder import BEST
from recon.experiments.training.record.log import LOG, read_log
from recon.experiments.training.train import train
from recon.models.checkpoints.checkpoint import load_model
from recon.models.checkpoints.locate import locate

CONFIG = Path("finetune.yaml")


def finetune(checkpoint: str | Path, acquisition: Path, output: Path, overrides: Sequence[str], resume: bool) -> Path:
    """Train all weights of a network on one scan, self-supervised, and keep those that predict unseen lines best.

    The method is zero-shot self-supervision (Yaman et al. 2022): some of the measured lines are set aside for
    validation; the others are split, differently in every epoch, into input and training target. The given weights
    are scored first, and kept if no epoch scores better.

    Parameters
    ----------
    checkpoint
        Weights to start from, of `recon train` or a VarNet checkpoint of fastMRI: a file, the name of weights that
        ship with the package, or a repository of the Hugging Face Hub.
    acquisition
        Undersampled raw-data file; a fully sampled one is first undersampled with the mask of the config.
    output
        Folder of the run.
    overrides
        Values of `finetune.yaml` to replace, as `key=value`.
    resume
        Whether to continue a run that was stopped.

    Returns
    -------
    Path
        Weights that predict the lines set aside best, perhaps the given ones; they suit this acquisition only.

    Raises
    ------
    InputError
        If the checkpoint or the file cannot be used.
    """
    if acquisition.is_dir():
        raise InputError(f"{acquisition}: is a folder; give one file, or train with training.mode=ssdu on many")
    config = finetune_config(checkpoint, acquisition, output, overrides)
    if config.training.mode != "ssdu":
        raise InputError("training.mode: fine-tuning uses measured lines only (ssdu); recon train trains on targets")
    best = train(config, resume=resume)
    say(f"{outcome(config.output, config.training.margin)}: {best}")
    return best


def outcome(run: Path, margin: float) -> str:
    """Say in one clause how much better than at the start the best weights of a run predict the lines set aside."""
    given = next(line["heldout"] for line in read_log(run / LOG) if "heldout" in line)
    best = load_model(run / BEST).protocol
    if not best["steps"]:
        enough = f"by more than {margin:.1%} " if margin else ""
        return f"no epoch predicts the lines set aside {enough}better than the given weights, which are kept"
    gain = 1 - best["validation"]["heldout"] / given
    return (
        f"the weights after epoch {best['epochs']} predict the lines set aside {gain:.1%} better than the given ones"
    )


def finetune_config(checkpoint: str | Path, acquisition: Path, output: Path, overrides: Sequence[str]) -> TrainConfig:
    """Make the config of a fine-tuning run: the network of the checkpoint and the settings of `finetune.yaml`.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or an override is wrong.
    """
    loaded = load_model(locate(checkpoint))
    values = {
        "output": str(output),
        "data.train": str(acquisition),
        "data.val": str(acquisition),
        "network.name": loaded.name,
        "network.arguments": loaded.arguments,
        "network.weights": str(loaded.path),
    }
    return load_config(CONFIG, [*(f"{key}={json.dumps(value)}" for key, value in values.items()), *overrides])
