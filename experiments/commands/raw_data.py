"""Raw data: making it, looking at it, going between formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.options import Inputs

commands = typer.Typer()


@commands.command()
def simulate(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files.")],
    volumes: Annotated[int, typer.Option(help="Number of files.")] = 4,
    slices: Annotated[int, typer.Option(help="Slices in a file.")] = 4,
    coils: Annotated[int, typer.Option(help="Receive coils.")] = 8,
    size: Annotated[str, typer.Option(metavar="HxW", help="Matrix, readout x phase.")] = "256x256",
    seed: Annotated[int, typer.Option(help="The same seed gives the same files, bit for bit.")] = 0,
    snr: Annotated[float, typer.Option(help="Mean tissue signal over the noise of one coil's image.")] = 40.0,
) -> None:
    """Write raw data of a random head-like phantom in fastMRI's layout.

    Example: recon simulate heads --volumes 4 --slices 4 --coils 8 --size 256x256 --seed 1
    """
    from recon.experiments.commands.parse import parse_size
    from recon.experiments.console import console, progress
    from recon.simulation.raw_files import simulate_folder

    with progress() as bar:
        task = bar.add_task("simulate", total=volumes)
        files = simulate_folder(
            output, volumes, slices, coils, parse_size(size), seed, snr, progress=lambda: bar.advance(task)
        )
    console.print(f"{len(files)} files: {output}", markup=False)


@commands.command()
def info(inputs: Inputs) -> None:
    """Say what raw-data files hold: matrix, coils, slices, contrast, sampling, memory.

    Example: recon info multicoil_val/file1000000.h5
    """
    from recon.experiments.commands.info import info as run

    run(inputs)


@commands.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Raw-data file of any known format.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="File: .h5 fastMRI, .mrd ISMRMRD, .cfl, .npy, .npz.")],
    to: Annotated[
        str | None, typer.Option(help="fastmri, ismrmrd, bart, npy or npz, if the suffix is not it.")
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Order of NumPy's axes, for example 'readout phase coils slices'."),
    ] = None,
) -> None:
    """Write raw data in another format; samples stay as they are, and what has no place there is told.

    Example: recon convert scan.mrd scan.h5
    """
    from recon.experiments.commands.convert import convert as run

    run(source, output, to, axes)
