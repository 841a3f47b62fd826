"""Lay out the results of the loading benchmark for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from recon.experiments.benchmark.loading.benchmark import LoadingReport, LoadingResult

MEBIBYTE = 2**20


def table(report: LoadingReport) -> Table:
    """Lay out slices per wall second and per CPU second, and the speed-up over fastMRI's loader."""
    state = "dropped from" if report.protocol["cold"] else "in"
    laid = Table(
        box=SIMPLE_HEAD,
        title=f"{len(report.shapes)} files, {report.slices} slices, {state} the page cache; "
        f"{report.same_slices} equal to fastMRI's\nmedians ± half the interquartile range",
        title_justify="left",
        pad_edge=False,
    )
    for heading in ("loader", "workers", "slices/s", "per CPU s", "speed-up", "in CPU s", "MiB/slice"):
        laid.add_column(heading, justify="left" if heading == "loader" else "right", no_wrap=True)
    for row in report.rows:
        first = next(other for other in report.rows if other.workers == row.workers)
        laid.add_row(
            row.loader,
            str(row.workers),
            _rate(report.slices, row.seconds.wall),
            _rate(report.slices, row.seconds.cpu),
            *_speed_ups(first, row),
            f"{report.bytes_per_slice[row.loader] / MEBIBYTE:.1f}",
            end_section=row.workers != _next_workers(report.rows, row),
        )
    return laid


def _rate(slices: int, seconds: Sequence[float]) -> str:
    rates = slices / np.array(seconds)
    low, middle, high = np.percentile(rates, [25, 50, 75])
    return f"{middle:.1f} ± {(high - low) / 2:.1f}"


def _speed_ups(first: LoadingResult, row: LoadingResult) -> tuple[str, str]:
    """Return the median over the repeats of the speed-up, in wall and in CPU time."""
    pairs = (first.seconds.wall, row.seconds.wall), (first.seconds.cpu, row.seconds.cpu)
    wall, cpu = (f"{np.median(np.divide(theirs, ours)):.1f}" for theirs, ours in pairs)
    return wall, cpu


def _next_workers(rows: Sequence[LoadingResult], row: LoadingResult) -> int | None:
    following = rows[rows.index(row) + 1 :]
    return following[0].workers if following else None
