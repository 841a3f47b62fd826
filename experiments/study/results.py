"""Collects the values, means and tests of a study, and writes them as CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.versions import versions
from recon.experiments.engine.results.rerun import Row
from recon.experiments.report.scores.files import finite, with_formula, without_formula
from recon.experiments.study.measure import MEASURES, Values, summary
from recon.experiments.study.statistics import PairTest, pairwise_tests

COLUMNS = ("subject", "arm", "measure", "place", "value")
"""Columns of the table of values."""

Cell = tuple[str, str]
"""Measure and place."""


@dataclass(frozen=True)
class Mean:
    """Mean, sample standard deviation and number of values over the subjects."""

    mean: float
    std: float
    subjects: int


@dataclass
class StudyResults:
    """Values of every subject and arm.

    Attributes
    ----------
    arms
        Names of the arms, in their order.
    pairs
        Pairs of arms to test.
    values
        By measure and place, by arm, by subject.
    times
        Number of measured lines in every subject, by arm; that of a full scan with one average is 1.
    shares
        Measured share of the lines in every subject, by arm; fastMRI's random masks measure it in the mean only.
    """

    arms: Sequence[str]
    pairs: Sequence[tuple[str, str]]
    values: dict[Cell, dict[str, dict[str, float]]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)

    def add(self, subject: str, arm: str, values: Values) -> None:
        """Add the values of one subject in one arm."""
        for cell, value in values.items():
            self.values.setdefault(cell, {name: {} for name in self.arms})[arm][subject] = value

    def add_lines(self, arm: str, share: float, averages: int) -> None:
        """Add the measured share of one subject's lines in one arm, and the number of averages."""
        self.shares.setdefault(arm, []).append(share)
        self.times.setdefault(arm, []).append(share * averages)

    @property
    def subjects(self) -> list[str]:
        """Names of the subjects, in the order in which they were added."""
        return list(dict.fromkeys(name for arms in self.values.values() for by in arms.values() for name in by))

    def places(self, measure: str) -> list[str]:
        """Return the places in which a measure was taken."""
        return [place for name, place in self.values if name == measure]

    def mean(self, measure: str, place: str, arm: str) -> Mean:
        """Return the mean over the subjects."""
        return Mean(*summary(self.values[measure, place][arm].values()))

    def value(self, measure: str, place: str, arm: str, subject: str) -> float:
        """Return the value of one subject; NaN if it is missing."""
        return self.values[measure, place][arm].get(subject, math.nan)

    def share(self, arm: str) -> float:
        """Return the mean measured share of the lines in an arm; NaN if it has no result."""
        return summary(self.shares.get(arm, []))[0]

    def relative_time(self, arm: str) -> float:
        """Return the mean number of measured lines in an arm over that of the longest arm; NaN without a result."""
        longest = max(summary(times)[0] for times in self.times.values())
        return summary(self.times.get(arm, []))[0] / longest

    @cached_property
    def tests(self) -> list[PairTest]:
        """Tests of all pairs in all measures and places, once everything has been added."""
        tested = {cell: values for cell, values in self.values.items() if cell[0] in MEASURES}
        return pairwise_tests(tested, self.pairs)

    def tests_of(self, measure: str, place: str) -> list[PairTest]:
        """Return the tests of one measure in one place, in the order of the pairs."""
        return [test for test in self.tests if (test.measure, test.place) == (measure, place)]

    @property
    def measures(self) -> list[str]:
        """Measures of the tables of which there are values, in their order; the plain signal is not among them."""
        return [measure for measure in MEASURES if self.places(measure)]

    def rows(self) -> Iterable[tuple[str, str, str, str, float]]:
        """Yield subject, arm, measure, place and value."""
        for (measure, place), by_arm in self.values.items():
            for arm, by_subject in by_arm.items():
                for subject, value in by_subject.items():
                    yield subject, arm, measure, place, value

    def as_json(self, protocol: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
        """Return protocol, means, tests and notes; a missing number is None."""
        means = [
            {"measure": measure, "place": place, "arm": arm, **asdict(self.mean(measure, place, arm))}
            for measure, place in self.values
            for arm in self.arms
        ]
        tests = [{**asdict(test), "significant": test.significant} for test in self.tests]
        content = {
            "protocol": protocol,
            "subjects": self.subjects,
            "measured shares": self.shares,
            "means": means,
            "tests": tests,
            "notes": list(notes),
            "versions": versions(),
        }
        return finite(content)


def write_values(path: Path, results: StudyResults) -> None:
    """Write all values as CSV."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for *names, value in results.rows():
            table.writerow([*map(without_formula, names), "" if math.isnan(value) else repr(value)])


def rows_of_values(results: StudyResults) -> list[Row]:
    """Return the rows of the table of values."""
    return [_row(names, value) for *names, value in results.rows()]


def read_values(path: Path) -> list[Row]:
    """Read the table of values.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [
        _row([with_formula(name) for name in (subject, arm, measure, place)], float(value or "nan"))
        for subject, arm, measure, place, value in rows
    ]


def _row(names: Sequence[str], value: float) -> Row:
    subject, arm, *_ = names
    return Row(tuple(names), f"{arm} of {subject}", (value,))


def check_table(path: Path) -> None:
    """Refuse to replace a table that no study has written.

    Raises
    ------
    InputError
        If there is a file whose first line is not that of a study's table.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(200).strip()
    if first != ",".join(COLUMNS):
        raise InputError(f"{path}: exists already and is no table of a study; give another --output, or --overwrite")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False), encoding="utf-8")
