"""Limits the sizes that a file may declare; untrusted sizes are checked before memory is allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from recon.data.errors import InputError

MAX_GIB = "RECON_MAX_GIB"
"""Environment variable that raises the limit, also for worker processes."""

DEFAULT_GIB = 16.0

MAX_HEADER = 4 * 2**20
"""Largest number of bytes of a text header."""

ALWAYS_ALLOWED = 2**26
"""Bytes that may be declared whatever is stored of them."""

LARGEST_RATIO = 64
"""Largest ratio of larger k-space to the samples measured of it; real scans leave out 31 of 32 lines at most."""


def check_size(path: Path, what: str, shape: Sequence[int], itemsize: int) -> None:
    """Refuse an array that would exceed the limit.

    Parameters
    ----------
    path, what
        Path of the file and name of the array, for the message.
    shape
        Declared shape.
    itemsize
        Bytes of one element.

    Raises
    ------
    InputError
        If the array would exceed the limit, or a size is negative.
    """
    if any(size < 0 for size in shape):
        raise InputError(f"{path}: {what} has the impossible shape {tuple(shape)}")
    gib = math.prod(shape) * itemsize / 2**30
    limit = _max_gib()
    if gib > limit:
        raise InputError(
            f"{path}: {what} of shape {tuple(shape)} would take {gib:.3g} GiB, more than the limit of {limit:g}; "
            "if that is right, raise it with --max-gib"
        )


def check_header(path: Path, size: int) -> None:
    """Refuse a text header of more than 4 MiB.

    Raises
    ------
    InputError
        If `size` exceeds the limit.
    """
    if size > MAX_HEADER:
        raise InputError(f"{path}: the header has {size} bytes, more than the limit of {MAX_HEADER}")


def check_measured(name: str | Path, declared_bytes: int, measured_bytes: int) -> None:
    """Refuse k-space that is large and nearly empty, because a header can declare any size at no cost.

    Parameters
    ----------
    name
        Name of the scan, for the message.
    declared_bytes
        Size of one image's k-space according to the header.
    measured_bytes
        Size of the samples that were measured of it.

    Raises
    ------
    InputError
        If the k-space exceeds `ALWAYS_ALLOWED` and is more than `LARGEST_RATIO` times as large as its samples.
    """
    if declared_bytes > ALWAYS_ALLOWED and declared_bytes > LARGEST_RATIO * measured_bytes:
        raise InputError(
            f"{name}: the header declares k-space of {declared_bytes} bytes, but only {measured_bytes} bytes were "
            "measured"
        )


def _max_gib() -> float:
    text = os.environ.get(MAX_GIB, "")
    try:
        limit = float(text or DEFAULT_GIB)
    except ValueError as error:
        raise InputError(f"{MAX_GIB} is {text!r}, not a number") from error
    if not limit > 0:
        raise InputError(f"the limit of {limit:g} GiB is not above 0")
    return limit
