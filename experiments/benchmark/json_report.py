"""Write results of a benchmark as JSON, whole or not at all, and check them when they are read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """What every report of a benchmark holds beside its results, so that they can be repeated.

    Attributes
    ----------
    protocol
        Settings of the benchmark.
    machine
        Processor, threads and versions.
    """

    protocol: dict[str, Any]
    machine: dict[str, Any]


def check_report(path: Path) -> None:
    """Refuse to replace a file that is no report of a benchmark, before hours are spent on measuring.

    Raises
    ------
    InputError
        If the file exists and holds something else.
    """
    if not os.path.lexists(path):
        return
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not content.keys() >= {"protocol", "machine"}:
        raise InputError(f"{path}: exists already and is no report of a benchmark; give another --output")


def write_json(path: Path, report: DataclassInstance) -> None:
    """Write a dataclass of results as JSON."""
    text = json.dumps(asdict(report), indent=1, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[T]) -> T:
    """Read the results of an earlier run.

    Raises
    ------
    InputError
        If the file does not hold results of this kind.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: does not hold results of this benchmark; give another --output") from error
