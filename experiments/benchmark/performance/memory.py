"""Run `recon benchmark memory`: measure the peak memory of `recon reconstruct` for every method."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from rich.table import Table

from recon.data.errors import InputError, did_you_mean
from recon.data.formats.fastmri.layout import write_volume
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan
from recon.experiments.benchmark.cost import peak_of_command
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import device_name, machine
from recon.experiments.benchmark.tables import empty_table
from recon.experiments.console import console, progress
from recon.experiments.engine.device import CPU
from recon.experiments.training.config.config_file import load_config
from recon.models.checkpoints.checkpoint import save_weights
from recon.models.zoo import NETWORKS, build, method_of
from recon.registry import create, method_names

SAMPLING = ("--mask", "equispaced", "--acceleration", "4")

CONFIGS = {
    "varnet": "varnet_knee_leaderboard",
    "varnet-general": "varnet_general",
    "unet": "unet_knee_multicoil",
    "deep-cascade": "deep_cascade_knee",
    "variational-network": "variational_knee",
    "modl": "modl_small_cpu",
}
"""Shipped configuration that sets the size of a network, whose default size is used otherwise; weights are random."""

METHODS_AND_NETWORKS = (
    *(name for name in method_names() if name not in NETWORKS and create(name).slab is None),
    *NETWORKS,
)
"""Methods that take the slices that are measured, which are 2-D."""

PROGRAM = """
import atexit, pathlib, sys
from recon.experiments.cli import main
import torch
peak = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: peak.write_text(str(torch.cuda.max_memory_allocated())))
main()
"""
"""The command `recon`, which leaves the peak memory of the GPU in the file that its first argument names."""


@dataclass(frozen=True)
class MemoryResult:
    """Peak memory and time of one run.

    Attributes
    ----------
    method
        Name of the method or network.
    slices
        Number of slices in the volume.
    peak
        Peak memory of the largest process in bytes, including Python and its packages.
    seconds
        Wall seconds of the whole process.
    gpu_peak
        Peak memory of the GPU in bytes, as torch allocates it; None on a CPU.
    """

    method: str
    slices: int
    peak: int
    seconds: float
    gpu_peak: int | None = None


@dataclass(frozen=True)
class MemoryReport(Report):
    """All runs, with what is needed to repeat them."""

    rows: list[MemoryResult]


def memory(
    methods: Sequence[str], slices: Sequence[int], shape: Shape, output: Path, device: torch.device = CPU
) -> list[MemoryResult]:
    """Measure every method on every volume, and write `memory.json`.

    Parameters
    ----------
    methods
        Names from `METHODS_AND_NETWORKS`.
    slices
        Numbers of slices of the volumes; a volume repeats one simulated slice.
    shape
        Shape `(coils, readout, phase)` of a slice.
    output
        Folder for `memory.json`.
    device
        Device to compute on.

    Raises
    ------
    InputError
        If a method is unknown, if one fails, or if `memory.json` is the file of another program.
    """
    for name in methods:
        if name not in METHODS_AND_NETWORKS:
            raise InputError(f"unknown method {name!r}{did_you_mean(name, METHODS_AND_NETWORKS)}")
    check_report(output / "memory.json")
    rows = []
    with TemporaryDirectory() as folder, progress() as bar:
        volumes = _volumes(Path(folder), slices, shape)
        task = bar.add_task("memory", total=len(methods) * len(volumes))
        for name in methods:
            arguments = [*_arguments(Path(folder), name), *SAMPLING, "--device", device.type]
            for count, volume in volumes.items():
                bar.update(task, description=f"{name}, {count} slices")
                images = Path(folder) / f"{name}-{count}"
                start = time.perf_counter()
                gpu = Path(folder) / "gpu"
                command = [sys.executable, "-c", PROGRAM, str(gpu), "reconstruct", str(volume)]
                peak = peak_of_command([*command, *arguments, "--output", str(images)])
                seconds, on_gpu = time.perf_counter() - start, device.type == "cuda"
                rows.append(MemoryResult(name, count, peak, seconds, int(gpu.read_text()) if on_gpu else None))
                bar.advance(task)
    protocol = {"shape": shape, "sampling": SAMPLING, "device": device_name(device)}
    write_json(output / "memory.json", MemoryReport(protocol, machine(), rows))
    console.print(_table(shape, rows))
    console.print(f"results: {output / 'memory.json'}", markup=False, soft_wrap=True)
    return rows


def _volumes(folder: Path, slices: Sequence[int], shape: Shape) -> dict[int, Path]:
    scan = simulate_scan(shape)
    volumes = {}
    for count in slices:
        volumes[count] = folder / f"{count}.h5"
        write_volume(volumes[count], np.broadcast_to(scan.kspace.numpy(), (count, *shape)), scan.header)
    return volumes


def write_random_weights(name: str, folder: Path) -> Path:
    """Write random weights of a network, of the size that a shipped configuration names, and return their file."""
    arguments = load_config(Path(CONFIGS[name])).network.arguments if name in CONFIGS else {}
    weights = folder / f"{name}.safetensors"
    torch.manual_seed(0)
    save_weights(weights, build(name, arguments), name, arguments, {})
    return weights


def _arguments(folder: Path, name: str) -> list[str]:
    """Return the command-line arguments of a method; the weights of a network are written to the folder."""
    if name not in NETWORKS:
        return ["--method", name]
    return ["--method", method_of(name), "--checkpoint", str(write_random_weights(name, folder))]


def _table(shape: Shape, rows: Sequence[MemoryResult]) -> Table:
    headings = "method", "slices", "peak GiB", "GPU GiB", "seconds"
    laid = empty_table(f"{'x'.join(map(str, shape))}, equispaced 4x", headings, left=headings[:1])
    for row in rows:
        on_gpu = "" if row.gpu_peak is None else f"{row.gpu_peak / 2**30:.2f}"
        laid.add_row(row.method, str(row.slices), f"{row.peak / 2**30:.2f}", on_gpu, f"{row.seconds:.0f}")
    return laid
