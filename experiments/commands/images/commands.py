"""Define the commands that reconstruct images from raw data and score them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.data.errors import InputError
from recon.experiments.commands.arguments.options import (
    MASKS,
    Axes,
    CenterFraction,
    Checkpoint,
    Device,
    Formats,
    GFactor,
    ImageOutput,
    Inputs,
    Mask,
    NoiseFloor,
    NoiseMap,
    Output,
    Overwrite,
    PartOption,
    Plugins,
    Preprocess,
    Scheduler,
    Seed,
    Settings,
    TunedFile,
    Variable,
    Workers,
)
from recon.experiments.commands.arguments.uncertainty import Coverage, Uncertainty, UncertaintyCommand

METHODS = "zero-filled,sense,grappa,cs-wavelet,cs-tv,varnet"
TUNABLE = "sense,grappa,cs-wavelet,cs-tv"
METHODS_HELP = (
    "Comma-separated methods; those of sigpy are sigpy-sense, sigpy-wavelet and sigpy-tv. A + adds stages: "
    "sense+gain."
)

commands = typer.Typer()


@commands.command(cls=UncertaintyCommand)
def reconstruct(
    inputs: Inputs,
    output: ImageOutput,
    *,
    method: Annotated[
        str, typer.Option(help="Name of the method, for example sense, grappa, cs-wavelet, varnet or sense+gain.")
    ] = "varnet",
    formats: Formats = None,
    acceleration: Annotated[
        float | None, typer.Option(help="Undersample fully sampled scans first; by default they stay fully sampled.")
    ] = None,
    mask: Mask = "equispaced_fraction",
    center_fraction: CenterFraction = None,
    seed: Seed = 0,
    settings: Settings = None,
    tuned: TunedFile = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    preprocess: Preprocess = "auto",
    uncertainty: Uncertainty = None,
    coverage: Coverage = None,
    noise: NoiseMap = False,
    g_factor: GFactor = False,
    noise_floor: NoiseFloor = False,
    axes: Axes = None,
    variable: Variable = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: PartOption = None,
) -> None:
    """Reconstruct raw data with one method, and write HDF5 in fastMRI's submission layout, NIfTI, DICOM or PNG.

    Example: recon reconstruct multicoil_test --method sense --set lamda=0.01 --format h5,dicom --output sense
    """
    options = locals()
    from recon.experiments.cluster.crew import gather
    from recon.experiments.commands.arguments.jobs import ReconstructJob, job_of
    from recon.experiments.engine.reconstruct import reconstruct as run
    from recon.experiments.engine.reconstruct import usual_workers

    job = job_of(ReconstructJob, options)
    work = job.work()
    if workers is None and scheduler is None:
        workers = usual_workers(inputs, work.runner.device)
    run(inputs, work, gather(job, workers, scheduler, part, work.runner.device.type))


@commands.command(cls=UncertaintyCommand)
def compare(
    inputs: Inputs,
    output: Output = Path("comparison"),
    *,
    methods: Annotated[str, typer.Option(help=METHODS_HELP)] = METHODS,
    accelerations: Annotated[
        str, typer.Option(help="Comma-separated accelerations at which to undersample fully sampled scans.")
    ] = "4,8",
    mask: Annotated[
        str,
        typer.Option(help=f"Comma-separated masks; {MASKS}."),
    ] = "equispaced_fraction",
    center_fraction: CenterFraction = None,
    seed: Annotated[
        str, typer.Option(help="Comma-separated seeds of the masks; 0 gives fastMRI's own validation masks.")
    ] = "0",
    oracle: Annotated[
        str,
        typer.Option(
            help="Comma-separated methods to run a second time, with the lamda that is best for each slice."
        ),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="METHOD.KEY=VALUE",
            help="Set a parameter of a method, or of a stage wherever it is used; may be repeated.",
        ),
    ] = None,
    tuned: TunedFile = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    preprocess: Preprocess = "auto",
    uncertainty: Uncertainty = None,
    coverage: Coverage = None,
    noise_floor: NoiseFloor = True,
    overwrite: Overwrite = False,
    device: Device = "auto",
    shown: Annotated[int, typer.Option(help="Number of volumes that the report shows as pictures.")] = 8,
    viewer: Annotated[
        float,
        typer.Option(
            min=0, metavar="MB", help="Size of the images that the report's viewers hold; 0: pictures alone."
        ),
    ] = 12.0,
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: PartOption = None,
) -> None:
    """Compare methods at several accelerations, and write metrics.csv, summary.json, report.html and figures.

    Run the same command again to continue an interrupted run.

    Example: recon compare multicoil_val --accelerations 4,8 --mask random --output comparison
    """
    options = locals()
    from recon.experiments.cluster.crew import gather
    from recon.experiments.commands.arguments.jobs import CompareJob, job_of
    from recon.experiments.engine.comparison.compare import compare as run
    from recon.experiments.engine.device import pick_device

    job = job_of(CompareJob, options)
    crew = gather(job, workers, scheduler, part, pick_device(device).type)
    run(inputs, job.comparison(), output, pick_device(device), overwrite, crew)


@commands.command()
def denoise(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="DICOM, NIfTI or HDF5 files, or folders of them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the images, or a file for one input.")],
    method: Annotated[str, typer.Option(help="Post-processing stage, for example gain.")] = "gain",
    strength: Annotated[
        float | None, typer.Option(help="How much to denoise: 0 changes nothing, 1 is the estimated optimum.")
    ] = None,
    settings: Settings = None,
    plugins: Plugins = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Denoise magnitude images without raw data; geometry and headers are kept, and the images marked as derived.

    The noise is estimated from each image, in every place. Not for diagnostic use.

    Example: recon denoise series --method gain --strength 0.7 --output denoised
    """
    from recon.experiments.commands.arguments.methods import build_stage
    from recon.experiments.engine.denoise import denoise as run
    from recon.experiments.engine.device import pick_device

    given = [*(settings or []), *([] if strength is None else [f"strength={strength}"])]
    run(inputs, build_stage(method, given, plugins), output, pick_device(device), overwrite)


@commands.command()
def tune(
    inputs: Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML file to write the settings to.")] = Path(
        "tuned.yaml"
    ),
    methods: Annotated[str, typer.Option(help=METHODS_HELP)] = TUNABLE,
    accelerations: Annotated[str, typer.Option(help="Comma-separated accelerations.")] = "4,8",
    mask: Mask = "equispaced_fraction",
    center_fraction: CenterFraction = None,
    seed: Seed = 0,
    slices: Annotated[int, typer.Option(min=1, help="Number of slices of each contrast to use.")] = 8,
    plugins: Plugins = None,
    device: Device = "auto",
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: PartOption = None,
) -> None:
    """Find the best lamda and iterations for each contrast and acceleration on fully sampled scans.

    compare and reconstruct read the result with --settings. Run the same command again to continue an interrupted
    run.

    Example: recon tune multicoil_train --methods cs-wavelet --accelerations 4,8 --output tuned.yaml
    """
    options = locals()
    from recon.experiments.cluster.crew import gather
    from recon.experiments.commands.arguments.jobs import TuneJob, job_of
    from recon.experiments.engine.device import pick_device
    from recon.experiments.engine.tuning.tune import tune as run

    chosen = pick_device(device)
    job = job_of(TuneJob, options)
    run(inputs, job.tuning(), output, chosen, gather(job, workers, scheduler, part, chosen.type))


@commands.command()
def evaluate(
    targets: Annotated[Path, typer.Option(help="Folder of raw data with targets, or fully sampled.")],
    predictions: Annotated[Path, typer.Option(help="Folder of the HDF5 files that recon reconstruct made of them.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file for all scores, those of every frame included.")
    ] = None,
    overwrite: Overwrite = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    part: PartOption = None,
) -> None:
    """Score reconstructions with fastMRI's metrics, volume by volume, and the frames of series one by one.

    Example: recon evaluate --targets multicoil_val --predictions sense
    """
    from recon.experiments.cluster.crew import gather
    from recon.experiments.commands.arguments.jobs import EvaluateJob
    from recon.experiments.engine.scores.evaluate import evaluate as run

    run(targets, predictions, output, overwrite, gather(EvaluateJob(predictions), workers, scheduler, part))


@commands.command()
def submit(
    predictions: Annotated[Path, typer.Argument(metavar="PREDICTIONS", help="Folder of reconstructions.")],
    to: Annotated[str, typer.Option(help="Leaderboard; available: fastmri.")] = "fastmri",
    test: Annotated[
        Path | None, typer.Option(help="Folder of the test set's raw data, to check names and sizes.")
    ] = None,
) -> None:
    """Check a folder of reconstructions against a leaderboard's layout, and report every problem; no file is changed.

    Example: recon submit predictions --to fastmri --test multicoil_test
    """
    from recon.data.errors import did_you_mean
    from recon.experiments.commands.images.submit import LEADERBOARDS
    from recon.experiments.commands.images.submit import submit as run

    if to not in LEADERBOARDS:
        raise InputError(f"unknown leaderboard {to!r}{did_you_mean(to, LEADERBOARDS)}")
    run(predictions, test)


@commands.command()
def demo(
    output: Output = Path("demo"),
    device: Device = "auto",
) -> None:
    """Compare methods on a real brain and on simulated heads at 4x and 8x, including the network that ships.

    Example: recon demo --output demo
    """
    from recon.experiments.commands.images.demo import demo as run
    from recon.experiments.engine.device import pick_device

    run(output, pick_device(device))
