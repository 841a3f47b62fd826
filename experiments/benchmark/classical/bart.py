"""Run the commands of BART, the Berkeley Advanced Reconstruction Toolbox, and read and write its files."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.experiments.console import warn

Complex = NDArray[np.complex64]

RANK = 16
"""Number of dimensions in BART's files; the first are readout, phase, slice, coils and maps."""

COLOUR = re.compile(r"\x1b\[\d*m")
"""Terminal escape sequences that turn text red and back."""


class Workspace:
    """A temporary folder for BART's files; it is deleted with the last reference to this object."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bart-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def weights_to_try(weights: Sequence[float]) -> Sequence[float]:
    """Return the weights, or none with a warning if BART is not installed."""
    if weights and shutil.which("bart") is None:
        warn("there is no program `bart` on the PATH, so it is left out")
        return ()
    return weights


def run(command: str, *arguments: str | Path) -> str:
    """Run `bart COMMAND ARGUMENTS...` and return what it printed.

    Raises
    ------
    InputError
        If BART is not installed or fails; the message quotes its output.
    """
    program = shutil.which("bart")
    if program is None:
        raise InputError("there is no program `bart` on the PATH")
    words = [program, command, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, fixed program
    if done.returncode != 0:
        output = " ".join(COLOUR.sub("", done.stderr or done.stdout).split())
        raise InputError(f"bart {command}: {output or f'exit code {done.returncode}'}")
    return done.stdout


def write_cfl(stem: Path, array: Complex) -> None:
    """Write the dimensions as text to `stem.hdr` and the samples in column-major order to `stem.cfl`."""
    dimensions = [*array.shape, *[1] * (RANK - array.ndim)]
    stem.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, dimensions)) + "\n", encoding="ascii")
    array.astype(np.complex64).ravel(order="F").tofile(stem.with_suffix(".cfl"))


def read_cfl(stem: Path) -> Complex:
    """Read a pair of files `stem.hdr` and `stem.cfl`; trailing dimensions of 1 are dropped.

    Raises
    ------
    InputError
        If one of the two files is missing, or they contradict each other.
    """
    header, samples = stem.with_suffix(".hdr"), stem.with_suffix(".cfl")
    if not header.is_file() or not samples.is_file():
        raise InputError(f"{stem}: there is no pair of files .hdr and .cfl")
    dimensions = [int(word) for word in header.read_text(encoding="ascii").splitlines()[1].split()]
    array = np.fromfile(samples, np.complex64)
    if array.size != np.prod(dimensions):
        raise InputError(f"{stem}: {array.size} samples do not fill the dimensions {dimensions}")
    while dimensions and dimensions[-1] == 1:
        dimensions.pop()
    return array.reshape(dimensions, order="F")
