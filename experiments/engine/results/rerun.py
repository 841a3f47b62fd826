"""Say what a run takes over from an earlier one, and which rows of the earlier table it replaces."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from recon.data.errors import InputError
from recon.experiments.report.scores.files import read_csv
from recon.experiments.report.scores.score import MethodScore

MOST_NAMED = 3
"""Largest number of methods of replaced rows that are named."""

Key = tuple[str, str, str, float, float, int]


class EarlierResults:
    """The table and the results that were there before a run, to tell what it takes over and what it replaces.

    Parameters
    ----------
    table
        Table of scores, which is read before the run writes it.
    paths
        Files of all results of the run.
    """

    def __init__(self, table: Path, paths: Iterable[Path]) -> None:
        self._table, self._scores = table, _read(table)
        self._before = {path: _changed(path) for path in paths}

    def is_reused(self, path: Path) -> bool:
        """Return whether a result was there before and was not written again."""
        return self._before[path] is not None and self._before[path] == _changed(path)

    def describe(self, path: Path, seconds: float) -> str:
        """Say how long a result took, or that it was there."""
        return "done before" if self.is_reused(path) else f"{seconds:.1f} s"

    def sentences(self, scores: Sequence[MethodScore]) -> Iterator[str]:
        """Say how many results were taken over, and what of the earlier table is replaced by the one of `scores`."""
        count = sum(map(self.is_reused, self._before))
        if count:
            yield f"{count} of {len(self._before)} results were there before and were not made again"
        yield from _replaced_rows(self._table, self._scores, scores)


def _read(path: Path) -> list[MethodScore]:
    """Read the table of an earlier run; empty if there is none that can be read."""
    try:
        return read_csv(path) if path.exists() else []
    except (InputError, ValueError, csv.Error):
        return []


def _replaced_rows(path: Path, earlier: Sequence[MethodScore], scores: Sequence[MethodScore]) -> Iterator[str]:
    """Say which rows of an earlier table a new one leaves out, and how many it changes.

    Parameters
    ----------
    path
        File of the table, for the message.
    earlier, scores
        Rows before and now.
    """
    now = {_key(score): score for score in scores}
    lost = [score for score in earlier if _key(score) not in now]
    if lost:
        names = list(dict.fromkeys(f"{score.method} {score.acceleration:.3g}x" for score in lost))
        more = ", ..." if len(names) > MOST_NAMED else ""
        yield (
            f"{path}: replaces the table of another run, {_rows(len(lost))} of which this one does not hold "
            f"({', '.join(names[:MOST_NAMED])}{more})"
        )
    changed = [score for score in earlier if _key(score) in now and not _same(score, now[_key(score)])]
    if changed:
        yield f"{path}: replaces the scores of an earlier run in {_rows(len(changed))}"


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _key(score: MethodScore) -> Key:
    # an undersampled scan has the numbers that were measured, which the table holds with few digits
    center = f"{score.center_fraction:.4g}", f"{score.acceleration:.4g}"
    return score.file, score.method, score.mask, float(center[0]), float(center[1]), score.seed


def _same(one: MethodScore, other: MethodScore) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("ssim", "psnr", "nmse")]
    return all((math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-4) for a, b in pairs)
