"""Measuring ourselves against others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recon.data.errors import InputError
from recon.experiments.commands.options import Checkpoint, Device, Output, Settings

SIMULATED = "16x320x320,15x640x368"
NETWORK_SHAPES = "8x320x320,15x640x368,16x640x320"

commands = typer.Typer()


@commands.command()
def classical(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="[INPUT...]", help="Fully sampled files, or folders of them.")
    ] = None,
    output: Output = Path("benchmark"),
    masks: Annotated[
        str, typer.Option(metavar="MASK:ACCELERATION,...", help="How every scan is undersampled.")
    ] = "random:4,random:8,equispaced:4",
    simulated: Annotated[
        str | None,
        typer.Option(metavar="CxHxW,...", help="Simulate these; without INPUT and this, 16x320x320 and 15x640x368."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few weights, everybody once: a trial.")] = False,
    speed: Annotated[
        bool, typer.Option("--speed", help="No search for weights: seconds and memory are right, scores are not.")
    ] = False,
) -> None:
    """Compare with sigpy, BART and pygrappa, each at its best weight: quality, seconds, memory; table and JSON.

    BART takes part if `bart` is on the PATH. Threads are as the environment says; OMP_NUM_THREADS=1 compares
    algorithms alone. The same command again continues a run that was interrupted.

    Example: OMP_NUM_THREADS=1 recon benchmark classical multicoil_val/file1000000.h5 --output benchmark
    """
    from recon.experiments.benchmark.classical.benchmark import Benchmark
    from recon.experiments.benchmark.classical.benchmark import classical as run
    from recon.experiments.benchmark.classical.contest import QUICK, SPEED, Effort
    from recon.experiments.commands.parse import parse_samplings, parse_shapes

    shapes = parse_shapes(("" if inputs else SIMULATED) if simulated is None else simulated)
    effort = SPEED if speed else QUICK if quick else Effort()
    run(inputs or [], shapes, Benchmark(parse_samplings(masks), effort), output)


@commands.command()
def loading(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="[INPUT...]", help="Fully sampled files; simulated if not given.")
    ] = None,
    output: Output = Path("benchmark"),
    workers: Annotated[str, typer.Option(metavar="N,...", help="Reading processes; 0 reads in between.")] = "0,1,2",
    repeats: Annotated[int, typer.Option(min=1, help="Passes of each loader.")] = 7,
    files: Annotated[int, typer.Option(min=1, help="How many files to read at most.")] = 6,
    cold: Annotated[bool, typer.Option("--cold", help="Drop files from the page cache before each pass.")] = False,
) -> None:
    """Compare slices per second with fastMRI's loader: same files, workers, masks and page cache; table and JSON.

    Example: OMP_NUM_THREADS=1 recon benchmark loading multicoil_val --workers 0,4 --output benchmark
    """
    from recon.experiments.benchmark.loading.benchmark import LoadingBenchmark
    from recon.experiments.benchmark.loading.benchmark import loading as run
    from recon.experiments.commands.parse import parse_counts

    run(inputs or [], LoadingBenchmark(parse_counts(workers), repeats, files, cold), output)


@commands.command()
def varnet(
    output: Output = Path("benchmark"),
    shapes: Annotated[
        str, typer.Option(metavar="CxHxW,...", help="Coils, readout, phase of the slices.")
    ] = NETWORK_SHAPES,
    cascades: Annotated[int, typer.Option(min=1, help="Of the networks; fastMRI's leaderboard has 12.")] = 12,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds in which each network runs once.")] = 5,
    training: Annotated[bool, typer.Option(help="Measure training steps beside inference.")] = True,
    device: Device = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="8x160x160, 2 cascades, one round: a trial.")] = False,
) -> None:
    """Compare with fastmri.models.VarNet of the same weights: inference, training, memory; table and JSON.

    Threads are as the environment says. The same command again continues a run that was interrupted.

    Example: recon benchmark varnet --cascades 12 --output benchmark
    """
    from recon.experiments.benchmark.networks.varnet import Benchmark
    from recon.experiments.benchmark.networks.varnet import varnet as run
    from recon.experiments.commands.parse import parse_shapes
    from recon.experiments.engine.device import pick_device

    if quick:
        shapes, cascades, repeats = "8x160x160", 2, 1
    run(Benchmark(tuple(parse_shapes(shapes)), cascades, repeats, training), output, pick_device(device))


@commands.command("serve")
def benchmark_serve(
    output: Output = Path("benchmark"),
    method: Annotated[str, typer.Option(help="What the server reconstructs with.")] = "zero-filled",
    settings: Settings = None,
    checkpoint: Checkpoint = None,
    clients: Annotated[str, typer.Option(metavar="N,...", help="How many send at once.")] = "1,8",
    size: Annotated[str, typer.Option(metavar="CxHxW", help="Coils, readout, phase.")] = "8x256x256",
    slices: Annotated[int, typer.Option(min=1, help="That each client sends.")] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Of each measurement.")] = 3,
    device: Device = "auto",
) -> None:
    """Measure slices per second through `recon serve` over the loopback; table and JSON.

    Example: OMP_NUM_THREADS=1 recon benchmark serve --clients 1,8 --method sense --output benchmark
    """
    from recon.experiments.benchmark.serving import ServingBenchmark, serving
    from recon.experiments.commands.parse import build_method, parse_counts, parse_shapes
    from recon.experiments.engine.device import pick_device

    shapes, counts = parse_shapes(size), parse_counts(clients)
    if len(shapes) != 1 or 0 in counts:
        raise InputError("give one size, and numbers of clients from 1")
    built = build_method(method, settings or [], checkpoint)
    serving(method, built, pick_device(device), ServingBenchmark(counts, shapes[0], slices, repeats), output)


@commands.command()
def memory(
    output: Output = Path("benchmark"),
    methods: Annotated[
        str | None, typer.Option(help="Comma-separated methods and networks; all if not given.")
    ] = None,
    slices: Annotated[str, typer.Option(metavar="N,...", help="How many slices the volumes have.")] = "2,4",
    size: Annotated[str, typer.Option(metavar="CxHxW", help="Coils, readout, phase.")] = "16x640x368",
) -> None:
    """Measure the memory of `recon reconstruct` at its peak, networks as large as configured; table and JSON.

    Example: OMP_NUM_THREADS=1 recon benchmark memory --methods sense,varnet --slices 2,4 --output benchmark
    """
    from recon.experiments.benchmark.memory import CONTESTANTS
    from recon.experiments.benchmark.memory import memory as run
    from recon.experiments.commands.parse import parse_counts, parse_shapes, parse_words

    shapes, counts = parse_shapes(size), parse_counts(slices)
    if len(shapes) != 1 or 0 in counts:
        raise InputError("give one size, and numbers of slices from 1")
    run(CONTESTANTS if methods is None else parse_words(methods), counts, shapes[0], output)


@commands.command()
def door(
    output: Output = Path("benchmark"),
    method: Annotated[str, typer.Option(help="Name of the method, for example sense.")] = "varnet",
    size: Annotated[str, typer.Option(metavar="CxHxW", help="Coils, readout, phase.")] = "8x256x256",
    slices: Annotated[int, typer.Option(min=1, help="Number of slices of the scan.")] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds in which each runs once.")] = 5,
) -> None:
    """Compare a Python script with the command: the same reconstruction, and what `import recon` takes.

    Threads are as the environment says.

    Example: recon benchmark door --method varnet --repeats 5 --output benchmark
    """
    from recon.experiments.benchmark.door import door as run
    from recon.experiments.commands.parse import parse_shapes

    shapes = parse_shapes(size)
    if len(shapes) != 1:
        raise InputError("give one size")
    run(method, shapes[0], slices, repeats, output)


@commands.command()
def ablation(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Fully sampled files to score on.")],
    images: Annotated[Path, typer.Option(help="Magnitude images to simulate from, as `data.train` of a config.")],
    maps: Annotated[Path | None, typer.Option(help="Measured coil maps to simulate with beside loops.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Of a processor, for each variant.")] = 8,
    variants: Annotated[
        str | None, typer.Option(help="Comma-separated, as the table names them; all if not given.")
    ] = None,
    output: Output = Path("benchmark"),
) -> None:
    """Train the general network without each of its parts, and the paper's, for the same time; table and JSON.

    What was measured is not measured again: the same command continues, and several with other variants may run at
    once into one folder.

    Example: OMP_NUM_THREADS=1 recon benchmark ablation multicoil_val --images images --maps maps --output benchmark
    """
    from recon.experiments.benchmark.ablation.benchmark import ablation as run
    from recon.experiments.benchmark.ablation.variants import VARIANTS
    from recon.experiments.commands.parse import parse_words

    run(inputs, images, maps, minutes, list(VARIANTS) if variants is None else parse_words(variants), output)
