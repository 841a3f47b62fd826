"""Measure in what share of the pixels errors stay within their bounds, volume by volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.engine.scores.metrics import Images, common_field

NORMAL = (0.683, 0.954)
"""Shares of normal errors within one and two standard deviations."""


@dataclass(frozen=True)
class SetCoverage:
    """Shares of the pixels of one volume, with one mask, whose errors stay within the bounds of a method.

    Attributes
    ----------
    file, method
        Names of the file and of the method.
    mask, acceleration, seed
        Sampling of the scan.
    stated
        Shares that the bounds promise: those of one and two standard deviations, or that of an interval.
    reached
        Shares of the pixels in which the error is smaller than the bounds.
    width
        Mean of the standard deviation or of the half-width, as a share of the largest target value.
    """

    file: str
    method: str
    mask: str
    acceleration: float
    seed: int
    stated: tuple[float, ...]
    reached: tuple[float, ...]
    width: float


def measure(
    target: Images, images: Images, bounds: Images, coverage: float | None
) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Compare errors with their bounds over the common field.

    Parameters
    ----------
    target, images, bounds
        `(slices, rows, columns)`; the bounds are standard deviations or half-widths of intervals.
    coverage
        Share that the intervals promise to cover; None for standard deviations.

    Returns
    -------
    tuple
        The fields `stated`, `reached` and `width` of `SetCoverage`.

    Raises
    ------
    ValueError
        If the numbers of slices differ.
    """
    error = np.abs(np.subtract(*common_field(target, images)))
    bounds = common_field(target, bounds)[1]
    stated = NORMAL if coverage is None else (coverage,)
    reached = tuple(float((error <= times * bounds).mean()) for times in range(1, len(stated) + 1))
    return stated, reached, float(bounds.mean() / (target.max() or 1))


def coverage_headings(stated: Sequence[float]) -> list[str]:
    """Return the headings of the columns of the shares that are reached."""
    if len(stated) == 1:
        return [f"within the interval ({stated[0]:.3g} promised)"]
    return [f"within {times} SD ({share:.3g} if normal)" for times, share in enumerate(stated, start=1)]


def coverage_table(coverages: Sequence[SetCoverage]) -> Table:
    """Lay out the shares for the terminal, a line for each volume, mask and method."""
    lines = Table(box=SIMPLE_HEAD, title="uncertainty", title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("file", "mask", "R", "method"):
        lines.add_column(heading, no_wrap=True)
    for heading in (*coverage_headings(coverages[0].stated), "mean, % of the maximum"):
        lines.add_column(Text(heading), justify="right")
    for one in coverages:
        seed = f" seed {one.seed}" if one.seed else ""
        lines.add_row(
            Text(one.file),
            f"{one.mask}{seed}",
            f"{one.acceleration:.3g}x",
            Text(one.method),
            *(f"{share:.3f}" for share in one.reached),
            f"{100 * one.width:.2f}",
        )
    return lines
