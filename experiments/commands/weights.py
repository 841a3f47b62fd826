"""Trained weights: what ships, and how sure they are."""

from __future__ import annotations

from typing import Annotated

import typer

from recon.experiments.commands.options import Device, Inputs

commands = typer.Typer()


@commands.command()
def weights() -> None:
    """List the weights that ship: network, size, what they were trained on; each file's hash is checked.

    Example: recon weights
    """
    from recon.experiments.commands.shipped_weights import weights as run

    run()


@commands.command()
def calibrate(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT", help="Weights of a network, named as with --checkpoint.")
    ],
    inputs: Inputs,
    masks: Annotated[
        str, typer.Option(metavar="MASK:ACCELERATION,...", help="How every scan is undersampled.")
    ] = "random:4,random:8,equispaced_fraction:4,equispaced_fraction:8",
    device: Device = "auto",
) -> None:
    """Fit --uncertainty to the errors on fully sampled scans that the network never saw; kept in the weights' card.

    Example: recon calibrate network/best.safetensors multicoil_val --masks random:4,random:8
    """
    from recon.experiments.commands.parse import parse_samplings
    from recon.experiments.engine.calibrate import calibrate as run
    from recon.experiments.engine.device import pick_device

    run(checkpoint, inputs, parse_samplings(masks), pick_device(device))
