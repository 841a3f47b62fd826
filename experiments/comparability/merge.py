"""Puts tables of the same protocol into one, and refuses those of different protocols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.data.storage.atomic import check_writable
from recon.experiments.comparability.stored import Key, StoredComparison, key_of, title_of
from recon.experiments.engine.comparison.compare import METRICS, SUMMARY
from recon.experiments.report.scores.files import write_csv, write_summary

MOST_NAMED = 5
"""Largest number of differences that a message names."""


def check_same_protocol(comparisons: Sequence[StoredComparison]) -> None:
    """Refuse comparisons whose numbers must not stand in one table.

    They must agree in masks, accelerations, centres, seeds, crop, ranges, noise floor, definitions of the metrics and
    preprocessing, in the settings of the methods that they share, in versions and source code, and in the content of
    raw data of the same name.

    Raises
    ------
    InputError
        If two differ, or have a row about the same thing.
    """
    first = comparisons[0]
    for other in comparisons[1:]:
        found = [*_protocol_differences(first, other), *_result_differences(first, other)]
        if found:
            more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            raise InputError(
                f"{first.folder} and {other.folder} have different protocols, so their numbers belong in separate "
                f"tables: {'; '.join(found[:MOST_NAMED])}{more}"
            )
    _check_distinct(comparisons)


def merge(comparisons: Sequence[StoredComparison], folder: Path) -> None:
    """Write `metrics.csv` and `summary.json` of all rows; images stay where they are.

    Raises
    ------
    InputError
        If the protocols differ, or the folder holds a table already.
    """
    check_same_protocol(comparisons)
    check_writable(folder)
    for name in (METRICS, SUMMARY):
        if (folder / name).exists():
            raise InputError(f"{folder / name}: exists already; name another folder with --merge")
    rows = [row for comparison in comparisons for row in comparison.rows]
    first = comparisons[0]
    methods = {name: one for comparison in comparisons for name, one in comparison.protocol["methods"].items()}
    write_csv(folder / METRICS, rows)
    merged = {"merged from": [comparison.folder.name for comparison in comparisons]}
    write_summary(folder / SUMMARY, rows, first.protocol | {"methods": methods}, first.summary["versions"], merged)


def _protocol_differences(first: StoredComparison, other: StoredComparison) -> Iterator[str]:
    before, now = first.protocol, other.protocol
    for name in dict.fromkeys([*before, *now]):
        if name not in ("methods", "uncertainty") and before.get(name) != now.get(name):
            yield f"{name} {before.get(name)} and {now.get(name)}"
    for name in ("methods", "uncertainty"):
        one, two = before.get(name, {}), now.get(name, {})
        for method in one:
            if method in two and one[method] != two[method]:
                yield f"{name} of {method} {_only(one[method], two[method])} and {_only(two[method], one[method])}"
    versions, others = first.summary["versions"], other.summary["versions"]
    for name in dict.fromkeys([*versions, *others]):
        if versions.get(name) != others.get(name):
            yield f"{name} {versions.get(name)} and {others.get(name)}"


def _only(one: Any, other: Any) -> Any:
    """Return the part of some settings that other settings do not have."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    return {key: value for key, value in one.items() if other.get(key) != value}


def _result_differences(first: StoredComparison, other: StoredComparison) -> Iterator[str]:
    """Compare source code and raw data, which only the results record."""
    records = [_records(comparison) for comparison in (first, other)]
    codes, others = (set(codes) for codes, _ in records)
    if codes != others or len(codes) > 1:
        named = " and ".join(sorted({code[:8] for code in codes | others}))
        yield f"source code {named}"
    (_, files), (_, same) = records
    for name in files:
        if name in same and files[name] != same[name]:
            yield f"the raw data {name} have other contents"


def _records(comparison: StoredComparison) -> tuple[list[str], dict[str, Any]]:
    codes, files = [], {}
    for row in comparison.rows:
        protocol = comparison.result(row).protocol
        codes.append(protocol["code"])
        files[row.file] = [one["quick sha256"] for one in protocol["inputs"]]
    return codes, files


def _check_distinct(comparisons: Sequence[StoredComparison]) -> None:
    places: dict[Key, StoredComparison] = {}
    for comparison in comparisons:
        for row in comparison.rows:
            other = places.setdefault(key_of(row), comparison)
            if other is not comparison:
                raise InputError(
                    f"{other.folder} and {comparison.folder} both have a row of {title_of(row)}, which one table "
                    "would count twice"
                )
