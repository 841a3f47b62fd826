"""Say what a run takes over from an earlier one, and which rows of the earlier table it replaces."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recon.data.describe import counted
from recon.data.errors import InputError
from recon.experiments.report.scores.files import read_csv
from recon.experiments.report.scores.score import MethodScore

MOST_NAMED = 3
"""Largest number of names of replaced rows that are printed."""


@dataclass(frozen=True)
class Row:
    """A row of a table of results.

    Attributes
    ----------
    key
        Value that distinguishes the row from all others.
    name
        Name of the row in messages, which several may share.
    numbers
        Results in the row.
    """

    key: Hashable
    name: str
    numbers: tuple[float, ...]


class EarlierResults:
    """The table and the results that were there before a run, to tell what it takes over and what it replaces.

    Parameters
    ----------
    table
        Table of results, which is read before the run writes it.
    read
        Function that reads the table.
    paths
        Files of all results of the run.
    """

    def __init__(self, table: Path, read: Callable[[Path], list[Row]], paths: Iterable[Path]) -> None:
        self._table, self._rows = table, _read(table, read)
        self._before = {path: _changed(path) for path in paths}

    def is_reused(self, path: Path) -> bool:
        """Return whether a result was there before and was not written again."""
        return self._before[path] is not None and self._before[path] == _changed(path)

    def describe(self, path: Path, seconds: float) -> str:
        """Say how long a result took, or that it was there."""
        return "done before" if self.is_reused(path) else f"{seconds:.1f} s"

    def sentences(self, rows: Sequence[Row]) -> Iterator[str]:
        """Say how many results were taken over, and what of the earlier table is replaced by the one of `rows`."""
        count = sum(map(self.is_reused, self._before))
        if count:
            yield f"{count} of {len(self._before)} results were there before and were not made again"
        yield from self._replaced(rows)

    def _replaced(self, rows: Sequence[Row]) -> Iterator[str]:
        """Say which rows of the earlier table the new one leaves out, and how many it changes."""
        now = {row.key: row.numbers for row in rows}
        lost = [row for row in self._rows if row.key not in now]
        if lost:
            names = list(dict.fromkeys(row.name for row in lost))
            more = ", ..." if len(names) > MOST_NAMED else ""
            yield (
                f"{self._table}: replaces the table of another run, {counted(len(lost), 'row')} of which this one "
                f"does not hold ({', '.join(names[:MOST_NAMED])}{more})"
            )
        changed = [row for row in self._rows if row.key in now and not _same(row.numbers, now[row.key])]
        if changed:
            yield f"{self._table}: replaces the results of an earlier run in {counted(len(changed), 'row')}"


def rows_of_scores(scores: Iterable[MethodScore]) -> list[Row]:
    """Return the rows of a comparison's table."""
    return [
        Row(_key(score), f"{score.method} {score.acceleration:.3g}x", (score.ssim, score.psnr, score.nmse))
        for score in scores
    ]


def read_scores(path: Path) -> list[Row]:
    """Read the table of a comparison."""
    return rows_of_scores(read_csv(path))


def _read(path: Path, read: Callable[[Path], list[Row]]) -> list[Row]:
    """Read the table of an earlier run; empty if there is none that can be read."""
    try:
        return read(path) if path.exists() else []
    except (InputError, ValueError, csv.Error):
        return []


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def _key(score: MethodScore) -> Hashable:
    # an undersampled scan has the numbers that were measured, which the table holds with few digits
    center_fraction, acceleration = (float(f"{number:.4g}") for number in (score.center_fraction, score.acceleration))
    return score.file, score.method, score.mask, center_fraction, acceleration, score.seed


def _same(some: Sequence[float], others: Sequence[float]) -> bool:
    pairs = zip(some, others, strict=True)
    return all((math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-4) for a, b in pairs)
