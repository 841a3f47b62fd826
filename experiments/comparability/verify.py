"""`recon verify`: repeat stored comparisons, and say whether the numbers come out again."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.data.storage.atomic import atomic_path
from recon.experiments.comparability.merge import check_same_protocol, merge
from recon.experiments.comparability.rebuild import Sources
from recon.experiments.comparability.row_check import TOLERANCE, RowCheck, Verdict, Verifier
from recon.experiments.comparability.stored import StoredComparison, label_of, read_comparison, title_of
from recon.experiments.comparability.table_check import table_faults
from recon.experiments.console import Problems, console, progress, say
from recon.experiments.report.scores.files import finite
from recon.experiments.report.scores.score import partition

DIFFERS = 1
"""Exit code if a comparison does not come out again."""


@dataclass(frozen=True)
class Verification:
    """What is repeated, and from what.

    Attributes
    ----------
    sources
        Where raw data and weights are, and the device.
    sample
        Number of rows to repeat of each comparison; None for all.
    seed
        Seed of their choice.
    tolerance
        Largest difference that rounding may explain.
    """

    sources: Sources
    sample: int | None = None
    seed: int = 0
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Outcome:
    """What came out of verifying one comparison.

    Attributes
    ----------
    comparison
        The comparison.
    faults
        What is wrong with its table and summary.
    checks
        Repeated rows.
    """

    comparison: StoredComparison
    faults: tuple[str, ...]
    checks: tuple[RowCheck, ...]

    @property
    def differs(self) -> bool:
        """Whether anything differs by more than rounding may explain."""
        return bool(self.faults) or any(check.differs for check in self.checks)


def verify(
    folders: Sequence[Path], verification: Verification, report: Path | None = None, merged: Path | None = None
) -> list[Outcome]:
    """Repeat stored comparisons and print what came out.

    Parameters
    ----------
    folders
        Folders that `recon compare` wrote; several must have the same protocol.
    verification
        What to repeat.
    report
        JSON file to write.
    merged
        Folder for one table of all comparisons, which is written if nothing differs.

    Raises
    ------
    InputError
        If a folder is not that of a comparison, or the protocols of several differ.
    SystemExit
        With 1 if something differs, and with 2 if something could not be repeated.
    """
    comparisons = [read_comparison(folder) for folder in folders]
    check_same_protocol(comparisons)
    problems = Problems()
    outcomes = [_repeated(comparison, verification, problems) for comparison in comparisons]
    for outcome in outcomes:
        _print(outcome)
    if report is not None:
        _write(report, outcomes, verification, problems)
    if any(outcome.differs for outcome in outcomes):
        raise SystemExit(DIFFERS)
    problems.exit()
    if merged is not None:
        merge(comparisons, merged)
        say(f"merged: {merged}")
    return outcomes


def _repeated(comparison: StoredComparison, verification: Verification, problems: Problems) -> Outcome:
    rows = comparison.sample(verification.sample, verification.seed)
    rows.sort(key=lambda row: row.file)
    verifier = Verifier(comparison, verification.sources, verification.tolerance)
    checks = []
    with progress() as bar:
        task = bar.add_task("verify", total=len(rows))
        for row in rows:
            bar.update(task, description=title_of(row))
            with problems.collect():
                checks.append(verifier.check(row))
            bar.advance(task)
    return Outcome(comparison, tuple(table_faults(comparison)), tuple(checks))


def _print(outcome: Outcome) -> None:
    comparison, checks = outcome.comparison, outcome.checks
    say(f"{comparison.folder}:")
    for label, of_label in partition(checks, lambda check: label_of(check.row)).items():
        console.print(_table(label, of_label))
    for fault in outcome.faults:
        say(f"differs: {fault}")
    for check in checks:
        for fault in check.faults:
            say(f"differs: {title_of(check.row)}: {fault}")
    for changes, count in Counter(check.changes for check in checks if check.changes).items():
        say(f"changed since, for {count} of {len(checks)} results: {'; '.join(changes)}")
    if comparison.leftovers:
        say(f"{len(comparison.leftovers)} results in the folder belong to no row of the table; they are not checked")
    if any(Verdict.CLOSE in (check.images, check.scores) for check in checks):
        say("close: not bit-equal, but differs by no more than rounding may explain")
    say(f"{len(checks)} of {len(comparison.rows)} rows repeated: {_counts(check.images for check in checks)}")


def _table(title: str, checks: Iterable[RowCheck]) -> Table:
    table = Table(box=SIMPLE_HEAD, title=Text(title), title_justify="left", pad_edge=False, collapse_padding=True)
    for heading in ("volume", "method", "images"):
        table.add_column(heading, overflow="fold")
    table.add_column("difference", justify="right")
    table.add_column("scores")
    for check in checks:
        words = (check.row.file, check.row.method, check.images, _difference(check.difference), check.scores)
        table.add_row(*(Text(word) for word in words))
    return table


def _counts(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]) or "none"


def _difference(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1e}" if value else "0"


def _write(path: Path, outcomes: Sequence[Outcome], verification: Verification, problems: Problems) -> None:
    content = {
        "tolerance": verification.tolerance,
        "sample": verification.sample,
        "seed": verification.seed,
        "differs": any(outcome.differs for outcome in outcomes),
        "problems": problems.sentences,
        "comparisons": [
            {
                "folder": outcome.comparison.folder.name,
                "faults": outcome.faults,
                "leftovers": len(outcome.comparison.leftovers),
                "rows": [_entry(check) for check in outcome.checks],
            }
            for outcome in outcomes
        ],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8", errors="replace"
        )


def _entry(check: RowCheck) -> dict[str, Any]:
    names = ("file", "method", "mask", "acceleration", "center_fraction", "seed")
    about = {name: getattr(check.row, name) for name in names}
    found = {name: value for name, value in asdict(check).items() if name != "row"}
    content: dict[str, Any] = finite(about | found)
    return content
