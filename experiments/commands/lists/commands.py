"""Define the commands that list what can be named elsewhere: methods, stages and configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.options import Plugins

commands = typer.Typer()


@commands.command()
def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Method or stage to explain, with its settings.")
    ] = None,
    plugins: Plugins = None,
) -> None:
    """List the methods and the stages that may follow them, or explain one and its settings.

    Example: recon methods cs-wavelet
    """
    from recon.experiments.commands.arguments.methods import load_plugins
    from recon.experiments.commands.lists.listing import explain, list_methods

    load_plugins(plugins)
    if name is None:
        list_methods()
    else:
        explain(name)


@commands.command()
def configs(
    name: Annotated[
        Path | None, typer.Argument(metavar="[NAME]", help="Configuration to print, as a start for one of your own.")
    ] = None,
) -> None:
    """List the training configurations that ship, or print one.

    Example: recon configs varnet_small_cpu
    """
    from recon.experiments.commands.lists.listing import list_configs, print_config

    if name is None:
        list_configs()
    else:
        print_config(name)
