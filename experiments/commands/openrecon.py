"""Define the commands that package the server for a scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.words import parse_words
from recon.experiments.commands.overview import Overview

commands = typer.Typer(cls=Overview)


@commands.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write.")],
    methods: Annotated[
        str, typer.Option(help="Comma-separated methods that the console offers; the first is the default.")
    ] = "varnet,sense,sense+gain",
    settings: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated settings that the console shows, such as gain.strength; by default all of them."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File with weights of the default method, to copy into the image.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the image.")] = "unrolled-recon",
    vendor: Annotated[str, typer.Option(help="Vendor or developer of the image.")] = "unrolled-recon",
    address: Annotated[str, typer.Option(help="Address of the manufacturer, for the label.")] = "",
    country: Annotated[str, typer.Option(help="Country in which the image is made, for the label.")] = "",
) -> None:
    """Write the label, the Dockerfile and the files of an OpenRecon image that serves on port 9002.

    Example: recon openrecon build openrecon --methods varnet,sense+gain
    """
    from recon.experiments.server.openrecon.build import build as run
    from recon.experiments.server.openrecon.label import Product

    shown = None if settings is None else parse_words(settings)
    run(folder, Product(name, vendor, address, country), parse_words(methods), shown, checkpoint)


@commands.command()
def parameters(
    label: Annotated[Path, typer.Argument(metavar="LABEL", help="File with a label, OpenReconLabel.json.")],
) -> None:
    """Check a label by the rules of the schema, and list the parameters that the console shows.

    Example: recon openrecon parameters openrecon/OpenReconLabel.json
    """
    import json

    from recon.data.errors import InputError
    from recon.experiments.console import console
    from recon.experiments.server.openrecon.schema import check_label

    try:
        content = json.loads(label.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{label}: cannot be read as JSON ({error})") from error
    for parameter in check_label(content).parameters:
        line = f"{parameter.id}: {parameter.type}, default {parameter.default}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
