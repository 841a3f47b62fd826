"""Define the commands that train and fine-tune networks and plot training curves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.data.extras import extra
from recon.experiments.commands.arguments.options import WEIGHTS, Output

commands = typer.Typer()


@commands.command()
def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="Configuration file, or the name of a shipped one.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Values to override in the configuration.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
) -> None:
    """Train a network on folders of files in fastMRI's layout, in one process or, with torchrun, in several.

    Example: recon train varnet_small_cpu.yaml data.train=multicoil_train data.val=multicoil_val
    """
    from recon.experiments.training.config.config_file import check_places, load_config

    with extra("train", "training"):
        from recon.experiments.training.train import train as run
    loaded = load_config(config, overrides or [])
    check_places(loaded.data)
    run(loaded, resume=resume)


@commands.command()
def finetune(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help=f"Weights to start from: {WEIGHTS}.",
        ),
    ],
    acquisition: Annotated[Path, typer.Argument(metavar="INPUT", help="Raw-data file of the acquisition.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Values to override in finetune.yaml.")
    ] = None,
    output: Output = Path("finetuned"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
) -> None:
    """Adapt a trained network to one undersampled acquisition, without a fully sampled reference.

    Example: recon finetune network/best.safetensors scan.h5 --output finetuned epochs=10
    """
    with extra("train", "fine-tuning"):
        from recon.experiments.training.finetune import finetune as run
    run(checkpoint, acquisition, output, overrides or [], resume)


@commands.command()
def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Output folder of a training run, finished or not.")],
) -> None:
    """Plot the curves of a training run: losses, scores, learning rate and speed.

    Example: recon plot varnet_small_cpu
    """
    with extra("train", "plotting a run"):
        from recon.experiments.training.record.plot import plot as draw
    draw(run)
