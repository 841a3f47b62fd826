"""Define the command `recon fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.data.errors import InputError, did_you_mean

commands = typer.Typer()

ALL = "all"


@commands.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Scans to fetch, or all; none to list them.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("scans"),
    original: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Convert this copy of the authors' file instead of downloading it."),
    ] = None,
) -> None:
    """Fetch small real multi-coil scans from their public homes, and say what to cite.

    The k-space is checked against the one that the published tables were made from, and written in fastMRI's layout.
    Licence and citation lie beside it.

    Example: recon fetch brain-t1 brain-t2 --output scans
    """
    from recon.data.sources.fetch import fetch as run
    from recon.data.sources.fetch import notice
    from recon.data.sources.table import SOURCES
    from recon.experiments.console import Problems, say

    chosen = list(SOURCES) if names == [ALL] else names or []
    for name in chosen:
        if name not in SOURCES:
            raise InputError(f"unknown scan {name!r}{did_you_mean(name, [*SOURCES, ALL])}")
    if original is not None and len(chosen) != 1:
        raise InputError("--original belongs to a single scan; name one")
    if not chosen:
        for name, source in SOURCES.items():
            say(f"{name}: {source.about}; {source.megabytes:g} MB; {source.licence}")
        say("`recon fetch NAME` gets one, `recon fetch all` gets all")
        return
    problems = Problems()
    for name in chosen:
        with problems.collect():
            path = output / SOURCES[name].file
            before = path.exists()
            run(SOURCES[name], output, original)
            say(f"{path}: {'was there before' if before else 'fetched'}\n{notice(SOURCES[name]).rstrip()}")
    problems.exit()
