"""Refuses samples that cannot be computed with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recon.data.errors import InputError


def check_finite(path: Path, values: NDArray[np.float32] | NDArray[np.complex64] | None, what: str) -> None:
    """Refuse NaN, Inf, and numbers so large that the sum of their squares is not finite.

    Parameters
    ----------
    path, what
        Path of the file and name of the values, for the message.
    values
        float32 or complex64 of any shape; None passes.

    Raises
    ------
    InputError
        If `values` contains a number that is not finite.
    """
    if values is None:
        return
    real = np.ascontiguousarray(values).view(np.float32).reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.dot(real, real)  # many times faster than checking every number
    if np.isfinite(energy):
        return
    problem = "numbers too large to compute with" if np.isfinite(real).all() else "NaN or Inf"
    raise InputError(f"{path}: the {what} holds {problem}")
