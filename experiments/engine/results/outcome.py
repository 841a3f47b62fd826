"""Keep the scores of a method on a scan in a file, so that they are computed once, by whichever run comes first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from recon.data.storage.atomic import atomic_path
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.report.coverage import SetCoverage
from recon.experiments.report.reliability import Reliability
from recon.experiments.report.scores.score import MethodScore
from recon.experiments.report.scores.series import SeriesScore

LARGEST = 2**24
"""Bytes of the largest file of scores that is read."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a comparison keeps of one method on one scan.

    Attributes
    ----------
    score
        Scores of the volume.
    series
        Scores of the frames of each series.
    coverage
        Shares of the pixels within their bounds; None without bounds or target.
    reliability
        Statistics of predicted and true errors; None without bounds or target.
    warnings
        Reasons why the scan lies outside the training range of the method.
    """

    score: MethodScore
    series: tuple[SeriesScore, ...] = ()
    coverage: SetCoverage | None = None
    reliability: Reliability | None = None
    warnings: tuple[str, ...] = ()

    def save(self, path: Path, stored: StoredResult) -> None:
        """Write the outcome of a result to a file, whole or not at all."""
        numbers = asdict(self)
        if self.reliability is not None:
            numbers["reliability"] = {name: sums.tolist() for name, sums in asdict(self.reliability).items()}
        content = {"key": _key(stored), "outcome": numbers}
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")


def load_outcome(path: Path, stored: StoredResult) -> Outcome | None:
    """Return the outcome in a file; None if there is none, or the result or its protocol has changed since."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return _outcome(content["outcome"]) if content["key"] == _key(stored) else None
    except (OSError, LookupError, TypeError, ValueError, RecursionError):  # whatever somebody has written into it
        return None


def _key(stored: StoredResult) -> dict[str, Any]:
    """Describe the result of which an outcome is: its protocol, and its file as it was written."""
    file = stored.path.stat()
    protocol = hashlib.sha256(json.dumps(stored.protocol).encode()).hexdigest()
    return {"protocol": protocol, "bytes": file.st_size, "modified": file.st_mtime_ns}


def _outcome(numbers: Mapping[str, Any]) -> Outcome:
    reliability, coverage = numbers["reliability"], numbers["coverage"]
    return Outcome(
        MethodScore(**numbers["score"]),
        tuple(with_tuples(SeriesScore, one) for one in numbers["series"]),
        None if coverage is None else with_tuples(SetCoverage, coverage),
        None if reliability is None else Reliability(**{name: np.array(sums) for name, sums in reliability.items()}),
        tuple(numbers["warnings"]),
    )


def with_tuples(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a dataclass from values in which JSON has made lists of tuples."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
