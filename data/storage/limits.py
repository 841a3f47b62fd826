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


def _max_gib() -> float:
    text = os.environ.get(MAX_GIB, "")
    try:
        limit = float(text or DEFAULT_GIB)
    except ValueError as error:
        raise InputError(f"{MAX_GIB} is {text!r}, not a number") from error
    if not limit > 0:
        raise InputError(f"the limit of {limit:g} GiB is not above 0")
    return limit
