"""Define the commands that simulate, inspect and convert raw data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.data.errors import InputError
from recon.experiments.commands.arguments.options import (
    Axes,
    Inputs,
    Overwrite,
    PartOption,
    Scheduler,
    Variable,
    Workers,
)
from recon.experiments.commands.arguments.words import parse_size

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
    contrast: Annotated[
        str | None,
        typer.Option(
            help="Contrast of all files; available: AXT1, AXT1POST, AXT2, AXFLAIR, AXPD. By default each draws one."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate raw data of random head-like phantoms in fastMRI's file layout.

    Example: recon simulate heads --volumes 4 --slices 4 --coils 8 --size 256x256 --seed 1
    """
    from recon.data.describe import counted
    from recon.experiments.console import console, progress
    from recon.simulation.raw_files import ScanVariant, simulate_folder

    shape, variant = parse_size(size), ScanVariant(fold, echo_shift, implants)
    with progress() as bar:
        task = bar.add_task("simulate", total=volumes)
        files = simulate_folder(
            output,
            volumes,
            slices,
            coils,
            shape,
            seed,
            snr,
            lambda: bar.advance(task),
            overwrite,
            variant,
            name,
            contrast,
        )
    console.print(f"{counted(len(files), 'file')}: {output}", markup=False)


@commands.command("simulate cine")
def simulate_cine(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files.")],
    anatomy: Annotated[
        list[Path] | None,
        typer.Option(
            help="Measured cines to simulate from: .npz files with an `image` (frames, rows, columns), DICOM or "
            "NIfTI; may be repeated. Without any, hearts are drawn."
        ),
    ] = None,
    maps: Annotated[
        list[Path] | None,
        typer.Option(help="Measured coil maps, .npz files with `maps`; may be repeated. Without any, of loops."),
    ] = None,
    volumes: Annotated[int, typer.Option(help="Number of files to write.")] = 4,
    frames: Annotated[int, typer.Option(help="Number of frames of each series.")] = 25,
    slices: Annotated[int, typer.Option(help="Number of slices in each file; measured cines show one.")] = 1,
    coils: Annotated[int, typer.Option(help="Number of receive coils.")] = 8,
    size: Annotated[str, typer.Option(metavar="HxW", help="Matrix size, readout x phase.")] = "192x192",
    beats: Annotated[int, typer.Option(help="Number of heart beats that the frames of a drawn heart show.")] = 1,
    breath: Annotated[
        float, typer.Option(metavar="MM", help="Largest displacement of the chest by breathing; 0 for a held breath.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same files, bit for bit.")] = 0,
    snr: Annotated[float, typer.Option(help="Mean tissue signal over the noise in a single coil's image.")] = 40.0,
    name: Annotated[str, typer.Option(help="Beginning of the names of the files.")] = "cine",
    overwrite: Overwrite = False,
) -> None:
    """Simulate raw data of beating hearts, one series of frames for every slice, in fastMRI's file layout.

    A folder of heads that is to be called cine is written by recon simulate ./cine.

    Example: recon simulate cine hearts --volumes 2 --frames 25 --coils 8 --breath 5
    """
    from recon.data.describe import counted
    from recon.experiments.console import console, progress
    from recon.simulation.cine.files import simulate_cines
    from recon.simulation.cine.simulator import CinePlan, CineSimulator
    from recon.simulation.cine.sources import DrawnHeart, load_cines
    from recon.simulation.scanner.measured_maps import fill_maps
    from recon.simulation.scanner.subject.anatomy import load_maps

    plan = CinePlan(parse_size(size), frames, coils, snr, slices, beats, breath)
    measured = list(map(fill_maps, load_maps(maps or [])))
    simulator = CineSimulator(load_cines(anatomy) if anatomy else (DrawnHeart(),), measured, varied=False)
    with progress() as bar:
        task = bar.add_task("simulate", total=volumes)
        files = simulate_cines(output, simulator, plan, volumes, seed, lambda: bar.advance(task), overwrite, name)
    console.print(f"{counted(len(files), 'file')}: {output}", markup=False)


@commands.command()
def info(inputs: Inputs, axes: Axes = None, variable: Variable = None) -> None:
    """Show what raw-data files contain: matrix, coils, slices, contrast, sampling and memory.

    Example: recon info multicoil_val/file1000000.h5
    """
    from recon.experiments.commands.raw_data.info import info as run

    run(inputs, axes, variable)


@commands.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Raw-data file in any supported format, or a folder of them.")
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="File to write; the suffix sets the format, available: .h5 (fastMRI), .mrd (ISMRMRD), .cfl (BART), "
            ".npy and .npz (NumPy). For a folder, the folder to write to.",
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(help="Format, if the suffix does not name it; available: fastmri, ismrmrd, bart, npy, npz."),
    ] = None,
    axes: Axes = None,
    variable: Variable = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: PartOption = None,
) -> None:
    """Convert raw data to another format without changing a sample; a warning lists what the format cannot store.

    Example: recon convert scan.mrd scan.h5
    """
    from recon.experiments.commands.raw_data.convert import convert as run

    if not source.is_dir():
        if any(option is not None for option in (workers, scheduler, part)):
            raise InputError(f"{source}: is one file, which cannot be shared; give a folder")
        run(source, output, to, axes, variable, overwrite)
        return
    from recon.experiments.cluster.crew import gather
    from recon.experiments.commands.raw_data.convert import ConvertJob, convert_all

    if to is None:
        raise InputError(f"{source}: is a folder; name the format of its files with --to")
    job = ConvertJob(output, to, axes, variable, overwrite)
    convert_all([source], job, gather(job, workers, scheduler, part))
