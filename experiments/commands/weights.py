"""Trained weights: what ships."""

import typer

commands = typer.Typer()


@commands.command()
def weights() -> None:
    """List the weights that ship: network, size, what they were trained on; each file's hash is checked.

    Example: recon weights
    """
    from experiments.weights import weights as run

    run()
