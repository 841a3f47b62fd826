"""Runs `recon benchmark door`: compares a Python script with the command, and measures `import recon`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from recon.data.errors import InputError
from recon.data.formats.fastmri import write_volume
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan
from recon.experiments.benchmark.cost import timed
from recon.experiments.benchmark.json_report import check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.console import console, progress

MASK, ACCELERATION = "equispaced", 4

SCRIPT = f"""
import sys
import recon
import numpy

scan = recon.undersample(recon.open(sys.argv[1]), {ACCELERATION}, {MASK!r})
numpy.save(sys.argv[3], recon.reconstruct(scan, sys.argv[2], device="cpu"))
"""

IMPORTS = 20
"""How often an import runs in each round, because it takes hundredths of a second."""


@dataclass(frozen=True)
class DoorResult:
    """Wall seconds of each round: the script, the command, `import recon`, and Python that imports nothing."""

    script: list[float]
    command: list[float]
    import_recon: list[float]
    bare_python: list[float]


@dataclass(frozen=True)
class DoorReport:
    """What was measured, and on which machine."""

    protocol: dict[str, Any]
    machine: dict[str, Any]
    result: DoorResult


def door(method: str, shape: Shape, slices: int, repeats: int, output: Path) -> DoorResult:
    """Measure in interleaved rounds, print the medians with their spread, and write `door.json`.

    Parameters
    ----------
    method
        Name of the method.
    shape
        `(coils, readout, phase)` of a slice.
    slices
        Number of slices of the scan.
    repeats
        Number of rounds.
    output
        Folder for the result.

    Raises
    ------
    InputError
        If a run fails, or `door.json` is the file of another program.
    """
    check_report(output / "door.json")
    result = DoorResult([], [], [], [])
    python = sys.executable
    with TemporaryDirectory() as folder, progress() as bar:
        scan, script = Path(folder) / "scan.h5", Path(folder) / "script.py"
        simulated = simulate_scan(shape)
        write_volume(scan, np.broadcast_to(simulated.kspace.numpy(), (slices, *shape)), simulated.header)
        script.write_text(SCRIPT, encoding="utf-8")
        task = bar.add_task("door", total=repeats)
        for number in range(repeats):
            images = Path(folder) / str(number)
            options = (
                "--mask",
                MASK,
                "--acceleration",
                str(ACCELERATION),
                "--device",
                "cpu",
                "--output",
                str(images),
            )
            command = (python, "-m", "recon", "reconstruct", str(scan), "--method", method, *options)
            result.script.append(_seconds((python, str(script), str(scan), method, f"{images}.npy")))
            result.command.append(_seconds(command))
            result.import_recon.append(_mean_seconds((python, "-c", "import recon")))
            result.bare_python.append(_mean_seconds((python, "-c", "pass")))
            bar.advance(task)
    protocol = {"method": method, "shape": shape, "slices": slices, "mask": MASK, "acceleration": ACCELERATION}
    write_json(output / "door.json", DoorReport(protocol, machine(), result))
    title = f"{method}, {slices} slices of {'x'.join(map(str, shape))}; medians ± half the interquartile range"
    console.print(title, markup=False)
    console.print(_table(result))
    console.print(f"results: {output / 'door.json'}", markup=False, soft_wrap=True)
    return result


def _mean_seconds(command: Sequence[str]) -> float:
    return sum(_seconds(command) for _ in range(IMPORTS)) / IMPORTS


def _seconds(command: Sequence[str]) -> float:
    """Run a program as a user's shell would, without the wait policy that this process has set for itself."""
    done, seconds = timed(
        lambda: subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(os.environ))  # noqa: S603 - our own
    )
    if done.returncode:
        raise InputError((done.stderr.splitlines() or [f"{command[0]}: ended with {done.returncode}"])[-1])
    return seconds.wall


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "OMP_WAIT_POLICY"}


def _table(result: DoorResult) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("run")
    table.add_column("seconds", justify="right")
    for name, seconds in asdict(result).items():
        first, middle, last = np.percentile(seconds, (25, 50, 75))
        table.add_row(name.replace("_", " "), f"{middle:.3f} ± {(last - first) / 2:.3f}")
    return table
