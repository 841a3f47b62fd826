"""Formats the numbers of a study, and lays them out for the terminal."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from recon.experiments.study.measure import DECIMALS
from recon.experiments.study.results import Mean, StudyResults
from recon.experiments.study.statistics import PairTest

MISSING = "–"  # noqa: RUF001 - an en dash


def format_value(measure: str, value: float) -> str:
    """Format a value of a measure."""
    return MISSING if math.isnan(value) else f"{value:.{DECIMALS[measure]}f}"


def format_mean(measure: str, mean: Mean) -> str:
    """Format a mean with its standard deviation, if there are several subjects."""
    text = format_value(measure, mean.mean)
    return text if math.isnan(mean.std) else f"{text} ± {format_value(measure, mean.std)}"


def format_q(test: PairTest) -> str:
    """Format q as papers print a probability: without the zero, and "< .001" below that."""
    if math.isnan(test.q):
        return MISSING
    if test.q < 0.001:
        return "< .001"
    return f"{test.q:.3f}".removeprefix("0") if test.q < 0.9995 else "1"


def results_table(results: StudyResults) -> Table:
    """Lay out the means for the terminal: measures and places down, arms across."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("measure", "at"):
        table.add_column(heading)
    for arm in results.arms:
        table.add_column(Text(arm), justify="right")
    for measure in results.measures:
        for place in results.places(measure):
            means = [Text(format_mean(measure, results.mean(measure, place, arm))) for arm in results.arms]
            table.add_row(measure, Text(place), *means)
        table.add_section()
    return table
