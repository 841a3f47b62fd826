"""Stores scores as a table in CSV, and their means with the protocol in JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.experiments.report.scores.means import summarise
from recon.experiments.report.scores.score import MethodScore

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First letters of a text that spreadsheets run as a formula, also in their wide forms."""


def write_csv(path: Path, scores: Iterable[MethodScore]) -> None:
    """Write one line per score; a metric that is NaN is left empty.

    Text is quoted, and gets an apostrophe if it begins as a formula, because spreadsheets would run it.
    """
    # Names of files may not be valid UTF-8.
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(MethodScore)], quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        for score in scores:
            writer.writerow({key: _cell(value) for key, value in asdict(score).items()})


def read_csv(path: Path) -> list[MethodScore]:
    """Read the file that `write_csv` wrote; additional columns are ignored.

    Raises
    ------
    InputError
        If a column is missing or a value does not have its column's type.
    """
    types = get_type_hints(MethodScore)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in types if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(f"{path}: the column {missing[0]} is missing from this table of metrics")
        try:
            return [
                MethodScore(**{name: _parse(kind, line[name]) for name, kind in types.items()}) for line in reader
            ]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error


def write_summary(
    path: Path,
    scores: Iterable[MethodScore],
    protocol: Mapping[str, Any],
    versions: Mapping[str, str],
    further: Mapping[str, Any] | None = None,
) -> None:
    """Write means and standard deviations with their protocol as JSON; numbers that are not finite become null.

    `further` holds more entries of the summary by their keys.
    """
    summary = {
        "protocol": protocol,
        "versions": versions,
        "spread": "sample standard deviation over volumes and seeds",
        "groups": [asdict(mean) for mean in summarise(scores)],
        **(further or {}),
    }
    text = json.dumps(finite(summary), indent=2, default=str, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", errors="replace")


def without_formula(text: str) -> str:
    """Put an apostrophe before a text that spreadsheets would run as a formula."""
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def with_formula(text: str) -> str:
    """Undo `without_formula`."""
    return text[1:] if text.startswith("'") and _is_formula(text.lstrip("'")) else text


def _cell(value: object) -> object:
    if isinstance(value, str):
        return without_formula(value)
    return "" if isinstance(value, float) and math.isnan(value) else value


def _parse(kind: type, text: str) -> Any:
    if kind is str:
        return with_formula(text)
    return math.nan if kind is float and not text else kind(text)


def _is_formula(text: str) -> bool:
    return text.lstrip().startswith(FORMULA)


def finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON cannot hold, by None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
