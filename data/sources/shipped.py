"""Unpacks the real scan that ships with the package: the T2 brain of `recon fetch brain-t2`, in integers."""

from __future__ import annotations

import bz2
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.sources.fetch import write_scan
from recon.data.storage.atomic import atomic_path, check_writable

NAME = "brain_t2"

SHAPE = (1, 4, 256, 256)

CONTRAST = "AXT2 real"
"""Contrast in tables, apart from that of simulated scans."""


def shipped_brain(folder: Path) -> Path:
    """Write the scan in fastMRI's layout, unless it is there, and its licence beside it.

    Its k-space was rounded to integers. The error of rounding has a fifth of the noise's standard deviation.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    path = folder / f"{NAME}.h5"
    if not path.exists():
        check_writable(folder)
        licence = files(__package__).joinpath(f"{NAME}.txt").read_text(encoding="utf-8")
        with atomic_path(path.with_suffix(".txt")) as temporary:
            temporary.write_text(licence, encoding="utf-8")
        write_scan(path, unpack(files(__package__).joinpath(f"{NAME}.bz2").read_bytes()), CONTRAST)
    return path


def pack(kspace: NDArray[np.complexfloating], step: float) -> bytes:
    """Round k-space to integers times a step, and compress all real parts, then all imaginary parts."""
    rounded = np.round(kspace / step)
    return bz2.compress(np.stack([rounded.real, rounded.imag]).astype("<i2").tobytes(), 9)


def unpack(packed: bytes) -> NDArray[np.complex64]:
    """Return packed k-space `(slices, coils, readout, phase)` in units of the step."""
    real, imaginary = np.frombuffer(bz2.decompress(packed), "<i2").reshape(2, *SHAPE).astype(np.float32)
    return (real + 1j * imaginary).astype(np.complex64)
