"""Define `recon benchmark`, and its commands that measure time, memory and other packages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recon.data.errors import InputError
from recon.experiments.commands.arguments.options import Checkpoint, Device, Output, Plugins, Settings
from recon.experiments.commands.arguments.words import (
    parse_counts,
    parse_shape,
    parse_shapes,
    parse_size,
    parse_words,
)
from recon.experiments.commands.overview import Overview

SIMULATED = "16x320x320,15x640x368"
NETWORK_SHAPES = "8x320x320,15x640x368,16x640x320"

SliceShape = Annotated[str, typer.Option(metavar="CxHxW", help="Shape of a slice: coils, readout, phase.")]
FullScans = Annotated[
    list[Path] | None,
    typer.Argument(metavar="INPUT", help="Fully sampled raw-data files, or folders of them."),
]


class BenchmarkGroup(Overview):
    """Says where benchmarks run if they are not installed, because wheels do not contain them."""

    def invoke(self, ctx: Any) -> Any:
        """Run a benchmark.

        Raises
        ------
        InputError
            If the benchmarks are not installed.
        """
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if error.name != "recon.experiments.benchmark":
                raise
            raise InputError("benchmarks are not installed; run them from a checkout of the repository") from error


commands = typer.Typer(cls=BenchmarkGroup)


@commands.command()
def classical(
    inputs: FullScans = None,
    output: Output = Path("benchmark"),
    masks: Annotated[
        str,
        typer.Option(
            metavar="MASK:ACCELERATION,...", help="Masks and accelerations at which to undersample every scan."
        ),
    ] = "random:4,random:8,equispaced:4",
    simulated: Annotated[
        str | None,
        typer.Option(
            metavar="CxHxW,...", help="Shapes of slices to simulate; without INPUT, by default 16x320x320,15x640x368."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try few weights and time each peer once, for a trial run.")
    ] = False,
    speed: Annotated[
        bool,
        typer.Option("--speed", help="Skip the search for weights; seconds and memory are valid, scores are not."),
    ] = False,
    device: Device = "cpu",
) -> None:
    """Compare quality, time and memory with sigpy, BART and pygrappa, each at its best weight.

    BART is included if `bart` is on the PATH. The environment sets the number of threads; OMP_NUM_THREADS=1 compares
    the algorithms alone. Run the same command again to continue an interrupted run.

    Example: OMP_NUM_THREADS=1 recon benchmark classical multicoil_val/file1000000.h5 --output benchmark
    """
    from recon.experiments.benchmark.classical.benchmark import ClassicalBenchmark
    from recon.experiments.benchmark.classical.benchmark import classical as run
    from recon.experiments.benchmark.classical.measure import QUICK, SPEED, Effort
    from recon.experiments.commands.arguments.samplings import parse_samplings
    from recon.experiments.engine.device import pick_device

    shapes = parse_shapes(("" if inputs else SIMULATED) if simulated is None else simulated)
    effort = SPEED if speed else QUICK if quick else Effort()
    benchmark = ClassicalBenchmark(parse_samplings(masks), effort, device=pick_device(device))
    run(inputs or [], shapes, benchmark, output)


@commands.command()
def loading(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT", help="Fully sampled raw-data files; by default they are simulated."),
    ] = None,
    output: Output = Path("benchmark"),
    workers: Annotated[
        str, typer.Option(metavar="N,...", help="Numbers of reading processes; 0 reads in the main process.")
    ] = "0,1,2",
    repeats: Annotated[int, typer.Option(min=1, help="Number of times that each loader reads all slices.")] = 7,
    files: Annotated[int, typer.Option(min=1, help="Largest number of files to read.")] = 6,
    cold: Annotated[
        bool, typer.Option("--cold", help="Drop the files from the page cache before each pass.")
    ] = False,
) -> None:
    """Compare slices per second with fastMRI's loader, on the same files with the same workers and masks.

    Example: OMP_NUM_THREADS=1 recon benchmark loading multicoil_val --workers 0,4 --output benchmark
    """
    from recon.experiments.benchmark.loading.benchmark import LoadingBenchmark
    from recon.experiments.benchmark.loading.benchmark import loading as run

    run(inputs or [], LoadingBenchmark(parse_counts(workers), repeats, files, cold), output)


@commands.command()
def varnet(
    output: Output = Path("benchmark"),
    shapes: Annotated[
        str, typer.Option(metavar="CxHxW,...", help="Shapes of the slices: coils, readout, phase.")
    ] = NETWORK_SHAPES,
    cascades: Annotated[
        int, typer.Option(min=1, help="Number of cascades; fastMRI's leaderboard network has 12.")
    ] = 12,
    repeats: Annotated[int, typer.Option(min=1, help="Number of rounds in which each network runs once.")] = 5,
    training: Annotated[bool, typer.Option(help="Also measure training steps.")] = True,
    device: Device = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Run one round of 8x160x160 with 2 cascades, for a trial run.")
    ] = False,
) -> None:
    """Compare inference, training and memory with fastmri.models.VarNet of the same weights.

    The environment sets the number of threads. Run the same command again to continue an interrupted run.

    Example: recon benchmark varnet --cascades 12 --output benchmark
    """
    from recon.experiments.benchmark.networks.benchmark import VarNetBenchmark
    from recon.experiments.benchmark.networks.benchmark import varnet as run
    from recon.experiments.engine.device import pick_device

    if quick:
        shapes, cascades, repeats = "8x160x160", 2, 1
    run(VarNetBenchmark(tuple(parse_shapes(shapes)), cascades, repeats, training), output, pick_device(device))


@commands.command("serve")
def benchmark_serve(
    output: Output = Path("benchmark"),
    method: Annotated[str, typer.Option(help="Method that the server reconstructs with.")] = "zero-filled",
    settings: Settings = None,
    checkpoint: Checkpoint = None,
    plugins: Plugins = None,
    clients: Annotated[
        str, typer.Option(metavar="N,...", help="Numbers of clients that send at the same time.")
    ] = "1,8",
    size: SliceShape = "8x256x256",
    slices: Annotated[int, typer.Option(min=1, help="Number of slices that each client sends.")] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Number of repeats of each measurement.")] = 3,
    latency: Annotated[
        int, typer.Option(min=0, help="Number of slices whose latency is measured, 4-fold undersampled.")
    ] = 0,
    interval: Annotated[
        float, typer.Option(min=0, metavar="MS", help="Milliseconds from one line of these slices to the next.")
    ] = 5.0,
    device: Device = "auto",
) -> None:
    """Measure slices per second through `recon serve` over the loopback interface, and the latency of images.

    Example: recon benchmark serve --clients 1,8 --method varnet --latency 100 --output benchmark
    """
    from recon.experiments.benchmark.performance.serving import ServingBenchmark, serving
    from recon.experiments.commands.arguments.methods import build_method
    from recon.experiments.engine.device import pick_device

    shape, counts = parse_shape(size), parse_counts(clients, least=1)
    built = build_method(method, settings, checkpoint, plugins)
    benchmark = ServingBenchmark(counts, shape, slices, repeats, latency, interval / 1000)
    serving(method, built, pick_device(device), benchmark, output)


@commands.command()
def memory(
    output: Output = Path("benchmark"),
    methods: Annotated[str | None, typer.Option(help="Comma-separated methods and networks; by default all.")] = None,
    slices: Annotated[str, typer.Option(metavar="N,...", help="Numbers of slices of the volumes.")] = "2,4",
    size: SliceShape = "16x640x368",
    device: Device = "cpu",
) -> None:
    """Measure the peak memory of `recon reconstruct` for every method and network, on a GPU that of the GPU too.

    Example: OMP_NUM_THREADS=1 recon benchmark memory --methods sense,varnet --slices 2,4 --output benchmark
    """
    from recon.experiments.benchmark.performance.memory import METHODS_AND_NETWORKS
    from recon.experiments.benchmark.performance.memory import memory as run
    from recon.experiments.engine.device import pick_device

    shape, counts = parse_shape(size), parse_counts(slices, least=1)
    names = METHODS_AND_NETWORKS if methods is None else parse_words(methods)
    run(names, counts, shape, output, pick_device(device))


@commands.command()
def launches(
    output: Output = Path("benchmark"),
    methods: Annotated[
        str | None, typer.Option(help="Comma-separated networks and methods; by default those with the most kernels.")
    ] = None,
    batches: Annotated[str, typer.Option(metavar="N,...", help="Numbers of slices computed together.")] = "1,16",
    size: SliceShape = "8x128x128",
) -> None:
    """Count the kernels that a GPU launches per slice, and how often the host waits for it; needs no GPU.

    Counts training steps and inference of networks, and classical methods.

    Example: recon benchmark launches --methods varnet-general,cs-wavelet --batches 1,16 --output benchmark
    """
    from recon.experiments.benchmark.performance.launches import NAMES
    from recon.experiments.benchmark.performance.launches import launches as run

    shape, counts = parse_shape(size), parse_counts(batches, least=1)
    run(NAMES if methods is None else parse_words(methods), counts, shape, output)


@commands.command()
def door(
    output: Output = Path("benchmark"),
    method: Annotated[str, typer.Option(help="Name of the method, for example sense.")] = "varnet",
    size: SliceShape = "8x256x256",
    slices: Annotated[int, typer.Option(min=1, help="Number of slices of the scan.")] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds in which each runs once.")] = 5,
) -> None:
    """Compare a Python script with the command, and starting either with bare `import torch` and bare Python.

    Threads are as the environment says.

    Example: recon benchmark door --method varnet --repeats 5 --output benchmark
    """
    from recon.experiments.benchmark.performance.door import door as run

    run(method, parse_shape(size), slices, repeats, output)


@commands.command("workers")
def benchmark_workers(
    output: Output = Path("benchmark"),
    methods: Annotated[
        str, typer.Option(help="Comma-separated methods; empty to measure the simulated cluster alone.")
    ] = "zero-filled,sense,grappa,cs-wavelet,varnet",
    settings: Annotated[
        str, typer.Option(metavar="PxT,...", help="Numbers of processes and of threads of each.")
    ] = "1x1,1x2,2x1",
    size: SliceShape = "8x256x256",
    volumes: Annotated[int, typer.Option(min=2, help="Number of volumes.")] = 20,
    slices: Annotated[int, typer.Option(min=1, help="Number of slices of each.")] = 8,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds in which each runs once.")] = 3,
    tasks: Annotated[
        int, typer.Option(min=0, help="Number of tasks, which are pauses, on a Dask cluster on this machine.")
    ] = 0,
    pause: Annotated[float, typer.Option(min=0, help="Seconds of each of these tasks.")] = 1.0,
    cluster: Annotated[int, typer.Option(min=1, help="Number of workers of that cluster.")] = 8,
) -> None:
    """Measure volumes per second with several processes, the memory of each, and what a Dask cluster adds.

    Example: recon benchmark workers --settings 1x1,2x1 --volumes 20 --tasks 5000 --pause 0.05 --output benchmark
    """
    from recon.experiments.benchmark.performance.workers import WorkersBenchmark
    from recon.experiments.benchmark.performance.workers import workers as run

    chosen = tuple(map(parse_size, parse_words(settings)))
    if not all(processes and threads for processes, threads in chosen):
        raise InputError(f"settings {settings!r}: there is at least one process with one thread")
    names = tuple(parse_words(methods))
    benchmark = WorkersBenchmark(names, chosen, volumes, slices, parse_shape(size), repeats, tasks, pause, cluster)
    run(benchmark, output)
