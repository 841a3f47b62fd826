"""Define the command `recon study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.options import Device, Inputs, Output, Overwrite, Plugins

commands = typer.Typer()


@commands.command()
def study(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY", help="YAML file with arms, regions and tests, or the name of a study that ships."
        ),
    ],
    inputs: Inputs,
    output: Output = Path("study"),
    *,
    plugins: Plugins = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    shown: Annotated[int, typer.Option(help="Number of subjects that the report shows as pictures.")] = 10,
) -> None:
    """Find out how far a protocol may be shortened: measure SNR, contrast and sharpness in arms, and test them.

    Each input file is a subject. Writes values.csv, summary.json, report.html and figures. Run the same command again
    to continue an interrupted run.

    Example: recon study shorter_t2 heads --output study
    """
    from recon.experiments.commands.arguments.methods import load_plugins
    from recon.experiments.engine.device import pick_device
    from recon.experiments.study.config import load_study
    from recon.experiments.study.plan import Study
    from recon.experiments.study.study import run_study

    load_plugins(plugins)
    loaded, file = load_study(config)
    run_study(inputs, Study(loaded, loaded.methods(), file.parent, pick_device(device), shown), output, overwrite)
