"""Which samples a file without a stored mask was measured at: those that are not zero."""

from __future__ import annotations

from torch import Tensor

CHANCE = 0.01
"""Share of samples that may be zero by chance, as of one coil with few bits; points that were left out are more."""


def measured(kspace: Tensor) -> Tensor:
    """Find the sampling mask of one slice.

    Rows that are zero in every line, as the early ones of an asymmetric echo, do not count as undersampling, nor do
    single zeros, nor an empty slice, as there may be beside the object.

    Parameters
    ----------
    kspace
        complex `(coils, readout, phase)`.

    Returns
    -------
    Tensor
        bool `(phase,)`, or `(readout, phase)` if lines were measured in part.
    """
    samples = (kspace != 0).any(dim=0)
    lines, rows = samples.any(dim=0), samples.any(dim=1)
    if not lines.any():
        return ~lines
    expected = rows[:, None] & lines
    return lines if (expected & ~samples).sum() <= CHANCE * expected.sum() else samples


def prospective(mask: Tensor, padding: tuple[int, int]) -> Tensor | None:
    """Give the mask of a scan that left lines out; None if all between the columns `padding` were measured.

    Parameters
    ----------
    mask
        bool `(phase,)` or `(readout, phase)`.
    padding
        Columns `[first, last)` that a full scan measures.
    """
    return None if mask[..., padding[0] : padding[1]].all() else mask
