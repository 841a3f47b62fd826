"""Refuses samples that cannot be computed with."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from recon.data.errors import InputError


def check_finite(path: Path, values: Tensor, what: str) -> None:
    """Refuse NaN, Inf, and numbers so large that the sum of their squares is not finite.

    Parameters
    ----------
    path, what
        Path of the file and name of the values, for the message.
    values
        float32 or complex64 of any shape.

    Raises
    ------
    InputError
        If `values` contains such a number.
    """
    real = (torch.view_as_real(values) if values.is_complex() else values).reshape(-1)
    if torch.dot(real, real).isfinite():  # many times faster than checking every number
        return
    problem = "numbers too large to compute with" if real.isfinite().all() else "NaN or Inf"
    raise InputError(f"{path}: the {what} holds {problem}")
