"""Runs `recon benchmark door`: compares a Python script with the command, and measures how commands start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.table import Table

from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import write_volume
from recon.experiments.benchmark.classical.cases import Shape, simulate_scan
from recon.experiments.benchmark.cost import Seconds, timed
from recon.experiments.benchmark.json_report import Report, check_report, write_json
from recon.experiments.benchmark.machine import machine
from recon.experiments.benchmark.tables import empty_table
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
"""Number of imports in each round; there are many because one takes hundredths of a second."""


@dataclass(frozen=True)
class DoorResult:
    """Wall and CPU seconds of every run in each round.

    Attributes
    ----------
    script, command
        A script and the command `recon reconstruct`, of the same scan by the same method.
    info, help
        The commands `recon info FILE` and `recon --help`.
    import_recon, import_torch
        Python that imports one of the two.
    bare_python
        Python that imports nothing.
    """

    script: list[Seconds] = field(default_factory=list)
    command: list[Seconds] = field(default_factory=list)
    info: list[Seconds] = field(default_factory=list)
    help: list[Seconds] = field(default_factory=list)
    import_recon: list[Seconds] = field(default_factory=list)
    import_torch: list[Seconds] = field(default_factory=list)
    bare_python: list[Seconds] = field(default_factory=list)


@dataclass(frozen=True)
class DoorReport(Report):
    """Measured times, with the protocol and the machine."""

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
    result = DoorResult()
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
            recon = (python, "-m", "recon")
            command = (*recon, "reconstruct", str(scan), "--method", method, *options)
            result.script.append(_seconds((python, str(script), str(scan), method, f"{images}.npy")))
            result.command.append(_seconds(command))
            result.info.append(_seconds((*recon, "info", str(scan))))
            result.help.append(_seconds((*recon, "--help")))
            result.import_recon.append(_mean_seconds((python, "-c", "import recon")))
            result.import_torch.append(_seconds((python, "-c", "import torch")))
            result.bare_python.append(_mean_seconds((python, "-c", "pass")))
            bar.advance(task)
    protocol = {"method": method, "shape": shape, "slices": slices, "mask": MASK, "acceleration": ACCELERATION}
    write_json(output / "door.json", DoorReport(protocol, machine(), result))
    title = f"{method}, {slices} slices of {'x'.join(map(str, shape))}; medians ± half the interquartile range"
    console.print(title, markup=False)
    console.print(_table(result))
    console.print(f"results: {output / 'door.json'}", markup=False, soft_wrap=True)
    return result


def _mean_seconds(command: Sequence[str]) -> Seconds:
    total = sum((_seconds(command) for _ in range(IMPORTS)), Seconds(0, 0))
    return Seconds(total.wall / IMPORTS, total.cpu / IMPORTS)


def _seconds(command: Sequence[str]) -> Seconds:
    """Run a program as a user's shell would, without the wait policy that this process has set for itself."""
    done, seconds = timed(
        lambda: subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(os.environ))  # noqa: S603 - our own
    )
    if done.returncode:
        raise InputError((done.stderr.splitlines() or [f"{command[0]}: ended with {done.returncode}"])[-1])
    return seconds


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "OMP_WAIT_POLICY"}


def _table(result: DoorResult) -> Table:
    """Show seconds, and CPU seconds over those of bare runs in the same round, which other programs disturb less."""
    headings = "run", "wall [s]", "CPU [s]", "CPU over import torch", "CPU over bare Python"
    table = empty_table(None, headings, left=headings[:1])
    for run in fields(result):
        seconds: list[Seconds] = getattr(result, run.name)
        table.add_row(
            run.name.replace("_", " "),
            _spread([one.wall for one in seconds], 3),
            _spread([one.cpu for one in seconds], 3),
            *(
                _spread([one.cpu / bare.cpu for one, bare in zip(seconds, bares, strict=True)], 2)
                for bares in (result.import_torch, result.bare_python)
            ),
        )
    return table


def _spread(values: Sequence[float], decimals: int) -> str:
    first, middle, last = np.percentile(values, (25, 50, 75))
    return f"{middle:.{decimals}f} ± {(last - first) / 2:.{decimals}f}"
