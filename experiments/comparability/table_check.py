"""Checks the table and the summary of a stored comparison without repeating anything."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recon.experiments.comparability.stored import StoredComparison, key_of, title_of
from recon.experiments.engine.comparison.compare import SUMMARY
from recon.experiments.engine.comparison.comparison import Comparison
from recon.experiments.engine.sampled_volume import AS_ACQUIRED
from recon.experiments.report.scores.files import write_summary

DEFINITIONS = ("mask seeding", "crop", "SSIM range", "foreground", "fine detail")
"""Parts of the protocol that define masks and metrics in words; two tables with other words have other numbers."""

CLOSE = 1e-9
"""Relative difference of means that the order of a sum explains."""

MOST_NAMED = 5
"""Largest number of means to name that do not fit the table."""


def table_faults(comparison: StoredComparison) -> list[str]:
    """Return what is wrong with a table and its summary, each in one sentence."""
    return [
        *_duplicated_rows(comparison),
        *_other_definitions(comparison),
        *_outside_protocol(comparison),
        *_other_means(comparison),
    ]


def _duplicated_rows(comparison: StoredComparison) -> Iterator[str]:
    counts = Counter(map(key_of, comparison.rows))
    titles = {key_of(row): title_of(row) for row in comparison.rows}
    for key, count in counts.items():
        if count > 1:
            yield f"the table has {count} rows of {titles[key]}; means count it {count} times"


def _other_definitions(comparison: StoredComparison) -> Iterator[str]:
    """Compare the definitions in words with those of this version."""
    ours = Comparison({}, ()).protocol()
    floors = {ours["noise floor"], "none"}
    for name in DEFINITIONS:
        stated = comparison.protocol.get(name)
        if stated != ours[name]:
            yield f"{name}: the stored definition is {stated!r}, that of this version {ours[name]!r}"
    if comparison.protocol.get("noise floor") not in floors:
        yield f"noise floor: the stored definition is {comparison.protocol.get('noise floor')!r}, not one of ours"


def _outside_protocol(comparison: StoredComparison) -> Iterator[str]:
    """Find rows whose sampling or method the summary's protocol does not state."""
    protocol = comparison.protocol
    for row in comparison.rows:
        stated: dict[str, tuple[Any, Any]] = {"method": (row.method, protocol["methods"])}
        if row.mask != AS_ACQUIRED:
            stated |= {
                "mask": (row.mask, protocol.get("masks", [])),
                "acceleration": (row.acceleration, protocol.get("accelerations", [])),
                "centre fraction": (row.center_fraction, protocol.get("center fractions", [])),
                "seed": (row.seed, protocol.get("seeds", [])),
            }
        for name, (value, allowed) in stated.items():
            if value not in allowed:
                yield f"{title_of(row)}: the {name} {value} is not in the summary's protocol"


def _other_means(comparison: StoredComparison) -> Iterator[str]:
    """Compare the means in the summary with those of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SUMMARY
        write_summary(path, comparison.rows, {}, {})
        ours = json.loads(path.read_text(encoding="utf-8"))["groups"]
    stored = comparison.summary["groups"]
    if len(ours) != len(stored):
        yield f"the summary has {len(stored)} means, the table makes {len(ours)}"
        return
    wrong = [place for group, other in zip(stored, ours, strict=True) for place in _unequal(group, other)]
    for place in wrong[:MOST_NAMED]:
        yield f"{place} in the summary is not that of the table"
    if len(wrong) > MOST_NAMED:
        yield f"{len(wrong) - MOST_NAMED} more numbers in the summary are not those of the table"


def _unequal(stored: Any, ours: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the values of a mean that are not equal."""
    title = f"{ours['acquisition']} {ours['acceleration']:g}x {ours['method']}"
    for name, value in ours.items():
        other = stored.get(name) if isinstance(stored, dict) else None
        pairs = (
            [(value[part], (other or {}).get(part)) for part in value]
            if isinstance(value, dict)
            else [(value, other)]
        )
        if not all(_same(one, another) for one, another in pairs):
            yield f"{name} of {title}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(one == other)
