"""Holds the scores of one file, and keeps those of many files in a JSON file for each part of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from recon.data.errors import InputError
from recon.data.open import parts_of
from recon.data.storage.atomic import atomic_path
from recon.data.storage.fingerprint import fingerprint, package_sha256
from recon.data.versions import versions
from recon.experiments.engine.results.outcome import with_tuples
from recon.experiments.engine.scores.frame_scores import FrameScores
from recon.experiments.engine.scores.metrics import Metrics

T = TypeVar("T", Metrics, FrameScores)

KIND = "a part of the scores of recon evaluate"


@dataclass(frozen=True)
class Evaluation:
    """Scores of one file.

    Attributes
    ----------
    volume
        Scores of the whole volume.
    series
        Scores of the frames of each series; empty if the file holds none.
    """

    volume: Metrics
    series: tuple[FrameScores, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return what the written file holds: scores of the volume, and of each series with all its frames."""
        frames = {"series": [asdict(one) | one.summary for one in self.series]} if self.series else {}
        return asdict(self.volume) | frames

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Evaluation:
        """Undo `as_dict`."""
        return cls(_only(Metrics, numbers), tuple(_only(FrameScores, one) for one in numbers.get("series", ())))


class KeptScores:
    """Keeps the scores of files, each with everything that it depends on.

    Parameters
    ----------
    paths
        Files to read; those that are no part of an evaluation are ignored.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._entries: dict[str, Any] = {}
        for path in paths:
            self._entries |= _read(path)

    def find(self, target: Path, prediction: Path) -> Evaluation | None:
        """Return the scores of a reconstruction; None if there are none, or a file or the program has changed."""
        try:
            entry = self._entries[target.name]
            return Evaluation.of(entry["scores"]) if entry["key"] == _key(target, prediction) else None
        except (InputError, OSError, LookupError, TypeError, ValueError):  # whatever somebody has written
            return None

    def add(self, target: Path, prediction: Path, scores: Evaluation) -> None:
        """Add the scores of a reconstruction."""
        self._entries[target.name] = {"key": _key(target, prediction), "scores": scores.as_dict()}

    def write(self, path: Path) -> None:
        """Write all scores to a file, whole or not at all."""
        with atomic_path(path) as temporary:
            content = json.dumps({"kind": KIND, "scores": self._entries}, indent=1, ensure_ascii=False)
            temporary.write_text(content + "\n", encoding="utf-8")


def check_part(path: Path) -> None:
    """Refuse to replace a file that is no part of an evaluation.

    Raises
    ------
    InputError
        If the file exists and holds anything else.
    """
    if path.exists() and not _is_part(_content(path)):
        raise InputError(f"{path}: exists already and is not {KIND}; give another --output")


def _read(path: Path) -> dict[str, Any]:
    content = _content(path)
    return content["scores"] if _is_part(content) else {}


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _is_part(content: Any) -> bool:
    return isinstance(content, dict) and content.get("kind") == KIND and isinstance(content.get("scores"), dict)


def _key(target: Path, prediction: Path) -> dict[str, Any]:
    """Describe everything that scores depend on."""
    return {
        "target": [fingerprint(one) for one in parts_of(target)],
        "prediction": fingerprint(prediction),
        "versions": versions(),
        "code": package_sha256(),
    }


def _only(kind: type[T], numbers: Mapping[str, Any]) -> T:
    """Build scores from those of the numbers that belong to them."""
    return with_tuples(kind, {one.name: numbers[one.name] for one in fields(kind)})
