"""Define the commands that simulate, inspect and convert raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.options import Axes, Inputs, Overwrite, Variable

commands = typer.Typer()


@commands.command()
def simulate(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files.")],
    volumes: Annotated[int, typer.Option(help="Number of files to write.")] = 4,
    slices: Annotated[int, typer.Option(help="Number of slices in each file.")] = 4,
    coils: Annotated[int, typer.Option(help="Number of receive coils.")] = 8,
    size: Annotated[str, typer.Option(metavar="HxW", help="Matrix size, readout x phase.")] = "256x256",
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same files, bit for bit.")] = 0,
    snr: Annotated[float, typer.Option(help="Mean tissue signal over the noise in a single coil's image.")] = 40.0,
    fold: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of the field of view along phase that is measured; below 1 the rest is folded into it, and "
            "the matrix is narrower than --size.",
        ),
    ] = 1.0,
    echo_shift: Annotated[
        int, typer.Option(metavar="N", help="Samples along readout by which the echo lies off the middle.")
    ] = 0,
    implants: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Number of details of 1 to 4 pixels, bright and dark, to add to each slice; every file is written "
            "without them, and with them in the folder OUT/implants.",
        ),
    ] = 0,
    name: Annotated[str, typer.Option(help="Beginning of the names of the files.")] = "simulated",
    overwrite: Overwrite = False,
) -> None:
    """Simulate raw data of random head-like phantoms in fastMRI's file layout.

    Example: recon simulate heads --volumes 4 --slices 4 --coils 8 --size 256x256 --seed 1
    """
    from recon.experiments.commands.parse import parse_size
    from recon.experiments.console import console, progress
    from recon.simulation.raw_files import ScanVariant, simulate_folder

    shape, variant = parse_size(size), ScanVariant(fold, echo_shift, implants)
    with progress() as bar:
        task = bar.add_task("simulate", total=volumes)
        files = simulate_folder(
            output, volumes, slices, coils, shape, seed, snr, lambda: bar.advance(task), overwrite, variant, name
        )
    console.print(f"{len(files)} files: {output}", markup=False)


@commands.command()
def info(inputs: Inputs, axes: Axes = None, variable: Variable = None) -> None:
    """Show what raw-data files contain: matrix, coils, slices, contrast, sampling and memory.

    Example: recon info multicoil_val/file1000000.h5
    """
    from recon.experiments.commands.info import info as run

    run(inputs, axes, variable)


@commands.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Raw-data file in any supported format.")],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="File to write; the suffix sets the format, available: .h5 (fastMRI), .mrd (ISMRMRD), .cfl (BART), "
            ".npy and .npz (NumPy).",
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(help="Format, if the suffix does not name it; available: fastmri, ismrmrd, bart, npy, npz."),
    ] = None,
    axes: Axes = None,
    variable: Variable = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert raw data to another format without changing a sample; a warning lists what the format cannot store.

    Example: recon convert scan.mrd scan.h5
    """
    from recon.experiments.commands.convert import convert as run

    run(source, output, to, axes, variable, overwrite)
