"""Finds the sampling mask of measured k-space, and its centre."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from recon.data.errors import InputError

if TYPE_CHECKING:  # reading a file's header takes no torch
    from numpy.typing import NDArray
    from torch import Tensor

    Mask = TypeVar("Mask", Tensor, NDArray[np.bool_])

ZEROS_BY_CHANCE = 0.01
"""Fraction of measured samples that may be zero by chance, as with one coil and few bits per sample."""


def center_lines(mask: Mask) -> slice:
    """Find the contiguous run of measured lines around DC.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`; in the latter a line counts only if it is measured completely.

    Returns
    -------
    slice
        Range of the phase axis; empty if the line at DC was not measured.
    """
    lines: Any = mask if mask.ndim == 1 else mask.all(0)
    measured: list[bool] = lines.tolist()
    first = last = len(measured) // 2
    while last < len(measured) and measured[last]:
        last += 1
    while last > first > 0 and measured[first - 1]:
        first -= 1
    return slice(first, last)


def center_rectangle(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Find the rectangle around DC within which all samples were measured, bool `(readout, phase)`.

    It grows by turns along either axis, by a sample on both sides of DC. It is empty if there is none.
    """
    middle = [size // 2 for size in mask.shape]

    def around(half: tuple[int, int]) -> tuple[slice, slice]:
        rows, columns = (slice(place - width, place + width) for place, width in zip(middle, half, strict=True))
        return rows, columns

    half = (1, 1)
    if min(middle) < 1 or not mask[around(half)].all():
        return around((0, 0))
    grown = True
    while grown:
        grown = False
        for larger in ((half[0] + 1, half[1]), (half[0], half[1] + 1)):
            fits = all(
                width <= min(place, size - place)
                for width, place, size in zip(larger, middle, mask.shape, strict=True)
            )
            if fits and mask[around(larger)].all():
                half, grown = larger, True
                break
    return around(half)


def is_one_sided(padding: tuple[int, int], phase: int) -> bool:
    """Return whether the acquired lines `[first, last)` of `phase` lines have none on one side of the central one."""
    first, last = padding
    return phase > 2 and (first >= phase // 2 or last <= phase // 2 + 1)


def check_center(path: Path, mask: NDArray[np.bool_]) -> None:
    """Refuse a mask whose lines all lie on one side of the centre: either the centre or the other lines are amiss.

    A mask without any lines, of a slice without signal, passes.

    Raises
    ------
    InputError
        If there are lines on one side only.
    """
    lines = np.flatnonzero(mask if mask.ndim == 1 else mask.any(axis=0)).tolist()
    if lines and is_one_sided((lines[0], lines[-1] + 1), mask.shape[-1]):
        raise InputError(
            f"{path}: its lines {lines[0]} to {lines[-1]} of {mask.shape[-1]} all lie on one side of the centre of "
            "k-space, which is line N // 2 of N"
        )


@overload
def measured_mask(kspace: Tensor) -> Tensor: ...


@overload
def measured_mask(kspace: NDArray[np.complex64]) -> NDArray[np.bool_]: ...


def measured_mask(kspace: Any) -> Any:
    """Find which samples of one slice were measured: those that are not zero.

    Rows that are zero in every line (an asymmetric echo), single zeros and slices without any signal do not count
    as undersampled.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`.

    Returns
    -------
    Tensor or array
        bool `(phase,)`, or `(readout, phase)` if some lines were measured partially.
    """
    samples = (kspace != 0).any(0)
    lines, rows = samples.any(0), samples.any(1)
    if not lines.any():
        return ~lines
    expected = rows[:, None] & lines
    missing, all_samples = int((expected & ~samples).sum()), int(expected.sum())
    return lines if missing <= ZEROS_BY_CHANCE * all_samples else samples


def prospective_mask(mask: Mask, padding: tuple[int, int]) -> Mask | None:
    """Return the mask if it leaves samples out; None if all columns within `padding` were measured.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`.
    padding
        Columns `[first, last)` of a full scan.
    """
    return None if mask[..., padding[0] : padding[1]].all() else mask
