"""Define the commands that list the shipped weights and calibrate the uncertainty of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from recon.data.errors import InputError
from recon.experiments.commands.arguments.completion import complete_weights
from recon.experiments.commands.arguments.options import WEIGHTS, Device
from recon.experiments.console import Problems, console, say

if TYPE_CHECKING:
    from recon.models.checkpoints.checkpoint import Checkpoint

MEGABYTE = 1e6

commands = typer.Typer()


@commands.command()
def weights() -> None:
    """List the shipped weights with network, size and training data, and check the hash of each file.

    Example: recon weights
    """
    from recon.models.checkpoints.checkpoint import load_model
    from recon.models.checkpoints.locate import shipped_weights

    problems, table = Problems(), Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "network", "parameters", "MB", "trained on", "hash"):
        table.add_column(heading, justify="right" if heading in {"parameters", "MB"} else "left")
    for name, path in shipped_weights().items():
        with problems.collect():
            table.add_row(name, *_describe(load_model(path)))
    if table.rows:
        console.print(table)
    elif not problems.sentences:
        say("no weights ship with this version")
    problems.exit()


def _describe(loaded: Checkpoint) -> tuple[str, ...]:
    parameters = sum(parameter.numel() for parameter in loaded.network.parameters())
    card = loaded.card
    return (
        loaded.name,
        f"{parameters:,}",
        f"{loaded.path.stat().st_size / MEGABYTE:.1f}",
        card.trained_on if card else "unknown",
        "checked" if card else "unknown",
    )


@commands.command()
def calibrate(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help=f"Weights of a network: {WEIGHTS}.", autocompletion=complete_weights
        ),
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="INPUT",
            help="Fully sampled raw-data files with targets, or folders of them; without any, scans are simulated.",
        ),
    ] = None,
    masks: Annotated[
        str,
        typer.Option(
            metavar="MASK:ACCELERATION,...", help="Masks and accelerations at which to undersample every file."
        ),
    ] = "random:4,random:8,equispaced_fraction:4,equispaced_fraction:8",
    slices: Annotated[int, typer.Option(min=2, help="Number of simulated slices.")] = 96,
    anatomy: Annotated[
        list[Path] | None,
        typer.Option(
            help="Magnitude images to simulate from, as `recon train` reads them, besides the built-in heads; may be "
            "repeated."
        ),
    ] = None,
    maps: Annotated[
        list[Path] | None,
        typer.Option(help="Measured coil maps to simulate with, besides simulated loops; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    device: Device = "auto",
) -> None:
    """Fit --uncertainty to errors on scans that the network was not trained on, and measure its conformal intervals.

    The scans are simulated as in training, over the simulator's whole range, unless files are given. Half of them fit
    the standard deviation, the others give the intervals. The result is stored in the card beside the weights.

    Example: recon calibrate network/best.safetensors --anatomy images --maps maps
    """
    from recon.experiments.commands.arguments.samplings import parse_samplings
    from recon.experiments.engine.calibration.calibrate import calibrate as run
    from recon.experiments.engine.calibration.scans import Simulation, measured_scans
    from recon.experiments.engine.device import pick_device

    if inputs and (anatomy or maps):
        raise InputError("give raw-data files to calibrate with, or --anatomy and --maps to simulate from, not both")
    if inputs:
        scans = measured_scans(inputs, parse_samplings(masks))
    else:
        scans = Simulation(slices, tuple(anatomy or ()), tuple(maps or ()), seed).scans()
    run(checkpoint, scans, pick_device(device))
