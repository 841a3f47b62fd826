"""Define the commands of `recon benchmark` that measure the quality of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.experiments.commands.arguments.options import CenterFraction, Checkpoint, Device, Output, Plugins
from recon.experiments.commands.arguments.words import parse_shares, parse_size, parse_words
from recon.experiments.commands.benchmarks.performance import FullScans

Heads = Annotated[int, typer.Option(min=0, help="Number of simulated heads.")]
MethodSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="METHOD.KEY=VALUE", help="Set a parameter of a method; may be repeated."),
]

commands = typer.Typer()


@commands.command()
def enlarging(
    inputs: FullScans = None,
    output: Output = Path("benchmark"),
    sigma: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Standard deviation of the added noise, as share of the 99.5th percentile of the magnitude.",
        ),
    ] = "0.005",
    heads: Heads = 4,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(help="Weights of a network that enlarges images; may be repeated. By default those of sharp."),
    ] = None,
) -> None:
    """Cut images to the central half of k-space, and measure how much networks recover compared with zero-filling.

    Example: recon benchmark enlarging multicoil_val --checkpoint sharp --checkpoint mfcn/best.safetensors
    """
    from recon.experiments.benchmark.quality.enlarging import enlarging as run
    from recon.models.stages.enlarging import enlarging_stage

    stages = [enlarging_stage(name) for name in checkpoint or ["sharp"]]
    run(inputs or [], parse_shares(sigma)[0], heads, stages, output)


@commands.command()
def series(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Fully sampled series with targets, or folders of them."),
    ],
    output: Output = Path("benchmark"),
    methods: Annotated[str, typer.Option(help="Comma-separated methods.")] = "l+s,cs-ktv,kt-sense,cs-wavelet",
    acceleration: Annotated[float, typer.Option(help="Acceleration.")] = 8,
    mask: Annotated[str, typer.Option(help="Mask that undersamples the frames.")] = "kt-random",
    center_fraction: CenterFraction = None,
    seed: Annotated[int, typer.Option(help="Seed of the masks.")] = 0,
    weights: Annotated[
        str, typer.Option(metavar="WEIGHT,...", help="Weights of BART's total variation along time.")
    ] = "0.001,0.003,0.01",
    iterations: Annotated[int, typer.Option(min=1, help="Number of iterations of BART.")] = 100,
    settings: MethodSettings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
) -> None:
    """Compare quality and CPU time on series with BART's total variation along time, at each of some weights.

    BART is included if `bart` is on the PATH. OMP_NUM_THREADS=1 compares the algorithms alone.

    Example: recon benchmark series hearts --acceleration 8 --output benchmark
    """
    from recon.experiments.benchmark.quality.series import series as run
    from recon.experiments.commands.arguments.methods import build_methods
    from recon.experiments.commands.arguments.samplings import parse_sampling

    built = build_methods(methods, settings, checkpoint, plugins)
    sampling = parse_sampling(mask, acceleration, center_fraction, seed)
    run(inputs, built, sampling, parse_shares(weights) if weights else (), iterations, output)


@commands.command()
def volumes(
    inputs: FullScans = None,
    output: Output = Path("benchmark"),
    methods: Annotated[
        str, typer.Option(help="Comma-separated methods.")
    ] = "zero-filled,sense,sense-unfold,grappa,cs-wavelet,cs-tv,varnet",
    mask: Annotated[str, typer.Option(help="Comma-separated masks along both axes.")] = "caipi:2x2,poisson",
    accelerations: Annotated[
        str, typer.Option(help="Comma-separated accelerations of masks whose steps are not named.")
    ] = "8",
    anatomy: Annotated[
        list[Path] | None,
        typer.Option(help="Images to simulate 3-D scans of: .npz files with an `image`, DICOM or NIfTI."),
    ] = None,
    maps: Annotated[
        list[Path] | None,
        typer.Option(help="Measured coil maps, .npz files with `maps`; without any, of loops around the head."),
    ] = None,
    positions: Annotated[int, typer.Option(min=1, help="Number of positions along the readout, in the middle.")] = 3,
    size: Annotated[str, typer.Option(metavar="HxW", help="Simulated samples along both axes.")] = "128x128",
    snr: Annotated[float, typer.Option(help="Mean tissue signal over the noise in a single coil's image.")] = 40.0,
    weights: Annotated[
        str, typer.Option(metavar="WEIGHT,...", help="Weights that each regularisation of BART is tried at.")
    ] = "0.0005,0.001,0.002,0.004,0.01,0.03",
    settings: MethodSettings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
) -> None:
    """Compare quality and CPU time on 3-D scans with BART's regularisations, each at its best of some weights.

    Scans are fully sampled files, or simulated. BART is included if `bart` is on the PATH. OMP_NUM_THREADS=1
    compares the algorithms alone.

    Example: recon benchmark volumes --anatomy brain.npz --maps maps.npz --mask caipi:2x2,poisson --accelerations 8
    """
    from itertools import chain

    from recon.experiments.benchmark.quality.volumes import read_volumes, simulated_volumes
    from recon.experiments.benchmark.quality.volumes import volumes as run
    from recon.experiments.commands.arguments.methods import build_methods
    from recon.experiments.commands.arguments.samplings import parse_protocol
    from recon.simulation.volume_scans import VolumePlan

    built = build_methods(methods, settings, checkpoint, plugins)
    samplings = parse_protocol(mask, accelerations, None, "0")
    plan = VolumePlan(parse_size(size), positions, snr=snr)
    scans = chain(read_volumes(inputs or [], positions), simulated_volumes(anatomy or [], maps or [], plan))
    run(scans, built, samplings, parse_shares(weights) if weights else (), output)


@commands.command()
def details(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Scans without implants, and folders of them, as `recon simulate --implants` writes them.",
        ),
    ],
    output: Output = Path("benchmark"),
    methods: Annotated[str, typer.Option(help="Comma-separated methods.")] = "cs-wavelet,cs-tv,varnet",
    accelerations: Annotated[str, typer.Option(help="Comma-separated accelerations.")] = "4,8",
    mask: Annotated[
        str, typer.Option(help="Comma-separated masks; available: random, equispaced, equispaced_fraction, magic.")
    ] = "random,equispaced_fraction",
    center_fraction: CenterFraction = None,
    seed: Annotated[str, typer.Option(help="Comma-separated seeds of the masks.")] = "0",
    settings: MethodSettings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    device: Device = "auto",
) -> None:
    """Count the small details that methods keep, lose and invent, on pairs of scans with and without implants.

    Run the same command again to continue an interrupted run.

    Example: recon benchmark details pairs --methods cs-wavelet,varnet --accelerations 4,8 --output benchmark
    """
    from recon.experiments.benchmark.quality.details import details as run
    from recon.experiments.commands.arguments.methods import build_methods
    from recon.experiments.commands.arguments.samplings import parse_protocol
    from recon.experiments.engine.device import pick_device

    built = build_methods(methods, settings, checkpoint, plugins)
    run(inputs, built, parse_protocol(mask, accelerations, center_fraction, seed), output, pick_device(device))


@commands.command()
def denoising(
    inputs: FullScans = None,
    output: Output = Path("benchmark"),
    sigmas: Annotated[
        str,
        typer.Option(
            metavar="SHARE,...",
            help="Standard deviations of the noise, as shares of the 99.5th percentile of the magnitude.",
        ),
    ] = "0.03,0.06,0.12",
    heads: Heads = 4,
    checkpoint: Checkpoint = None,
) -> None:
    """Compare the denoising stages with BM3D and non-local means, all given the true noise.

    BM3D is included if the package bm3d is installed. OMP_NUM_THREADS=1 compares the algorithms alone.

    Example: OMP_NUM_THREADS=1 recon benchmark denoising multicoil_val/file1000000.h5 --sigmas 0.03,0.06,0.12
    """
    from recon.experiments.benchmark.denoising.benchmark import denoising as run
    from recon.experiments.benchmark.denoising.denoisers import known_stages

    stages = {name: {"checkpoint": checkpoint} if name == "dlr" and checkpoint else {} for name in known_stages()}
    run(inputs or [], parse_shares(sigmas), heads, stages, output)


@commands.command()
def ablation(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Fully sampled raw-data files to score on.")],
    images: Annotated[
        Path,
        typer.Option(help="Magnitude images to simulate raw data from, as `data.train` of a training configuration."),
    ],
    maps: Annotated[
        Path | None, typer.Option(help="Measured coil maps to simulate with, in addition to loop coils.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0, help="CPU minutes to train each variant.")] = 8,
    variants: Annotated[
        str | None,
        typer.Option(help="Comma-separated variants; the first is the reference. By default all."),
    ] = None,
    validation: Annotated[
        list[Path] | None, typer.Option(help="Simulated files to score on as well, as a set of their own.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each variant, with seeds 0, 1, ...")] = 1,
    weights: Annotated[
        str | None, typer.Option(help="Weights to start from, for variants that add to the network; by default none.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Setting of the training configuration.")
    ] = None,
    output: Output = Path("benchmark"),
) -> None:
    """Train variants of the general network, and the paper's network, for the same time; score them.

    With several runs, the table gives each variant's difference from the first in standard errors. Run the same
    command again to continue an interrupted run.

    Example: OMP_NUM_THREADS=1 recon benchmark ablation multicoil_val --images images --maps maps --output benchmark
    """
    from recon.experiments.benchmark.ablation.benchmark import ablation as run
    from recon.experiments.benchmark.ablation.variants import VARIANTS

    names = list(VARIANTS) if variants is None else parse_words(variants)
    scans = {"real": inputs, "simulated": validation or []}
    run(scans, images, maps, minutes, names, output, runs, weights, settings or ())
