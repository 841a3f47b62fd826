"""Lay out the results of the ablation for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from recon.experiments.benchmark.ablation.results import METRICS, Comparison, VariantRun, compare_metric
from recon.experiments.benchmark.ablation.scoring import ACCELERATIONS
from recon.experiments.benchmark.ablation.variants import VARIANTS

DIGITS = {"psnr": 2, "ssim": 4, "detail": 2}
HEADINGS = {"psnr": "PSNR", "ssim": "SSIM", "detail": "detail"}

LEGEND = (
    "Mean ± standard deviation of one run; in brackets the difference to the first row in standard errors, from the\n"
    "spread of all variants. Beyond 2 chance is unlikely for one comparison, beyond 3 for all of a table.\n"
    "detail: energy beyond .35 of k-space over the target's, in dB."
)


def tables(runs: Mapping[str, Sequence[VariantRun]]) -> Group:
    """Lay out costs, then the scores of each set of scans; the first variant is what others are compared with."""
    first = next(iter(runs.values()))[0]
    sets = list(dict.fromkeys(score.scans for score in first.scores))
    return Group(_costs(runs), *(_scores(runs, scans) for scans in sets), Text(LEGEND, style="dim"))


def _costs(runs: Mapping[str, Sequence[VariantRun]]) -> Table:
    laid = Table(box=SIMPLE_HEAD, pad_edge=False)
    laid.add_column("variant", no_wrap=True)
    laid.add_column("description")
    for heading in ("10^6 weights", "GFLOP", "CPU s", "runs", "steps"):
        laid.add_column(heading, justify="right")
    for name, some in runs.items():
        one, steps = some[0], "/".join(str(run.steps) for run in some)
        cost = f"{one.gigaflops or 0:.1f}", f"{one.seconds or 0:.2f}"
        laid.add_row(name, VARIANTS[name].description, f"{one.parameters / 1e6:.1f}", *cost, str(len(some)), steps)
    return laid


def _scores(runs: Mapping[str, Sequence[VariantRun]], scans: str) -> Table:
    laid = Table(box=SIMPLE_HEAD, title=scans, title_justify="left", pad_edge=False)
    laid.add_column("variant", no_wrap=True)
    columns = []
    for acceleration in ACCELERATIONS:
        for metric in METRICS:
            laid.add_column(f"{HEADINGS[metric]} {acceleration}x", justify="right", no_wrap=True)
            columns.append((metric, compare_metric(runs, scans, acceleration, metric, next(iter(runs)))))
    for name in runs:
        laid.add_row(name, *(_cell(metric, column[name]) for metric, column in columns))
    return laid


def _cell(metric: str, value: Comparison) -> str:
    digits = DIGITS[metric]
    spread = "" if math.isnan(value.spread) else f"±{value.spread:.{digits}f}"
    errors = "" if math.isnan(value.errors) or not value.difference else f" ({value.errors:+.1f})"
    return f"{value.mean:.{digits}f}{spread}{errors}"
