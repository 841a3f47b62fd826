"""What the benchmark of the networks measured, laid out for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from recon.experiments.benchmark.networks.results import Outcome, Spread, Task

MEBIBYTE = 2**20
LEGEND = (
    "seconds; times faster than fastMRI float32, median ± half the interquartile\n"
    "range, by the clock and by the processors; peak memory and its share; error of\n"
    "the image against fastMRI float32; share of the roofline that is reached\n"
)


def table(task: Task) -> Group:
    """Lay out one task: seconds, how many times faster than fastMRI, memory, error, share of the roofline."""
    what = f"{'x'.join(map(str, task.shape))}, {'training step' if task.training else 'inference'}"
    laid_out = Table(box=SIMPLE_HEAD, title=what, title_justify="left", pad_edge=False, padding=(0, 0))
    laid_out.add_column("network", no_wrap=True)
    for heading in ("wall", "CPU", "faster", "by CPU", "MiB", "share", "error", "limit"):
        laid_out.add_column(heading, justify="right", no_wrap=True)
    for outcome in task.outcomes:
        if outcome.failure is None:
            laid_out.add_row(outcome.name, *_cells(task, outcome))
    failures = [Text(f"{one.name} failed: {one.failure}", style="red") for one in task.outcomes if one.failure]
    return Group(laid_out, *failures, Text(LEGEND, style="dim"))


def _cells(task: Task, outcome: Outcome) -> list[str]:
    middle, first = outcome.seconds.median(), task.outcomes[0]
    wall, cpu = task.ratios(outcome)
    memory = ("", "") if outcome.memory is None else (f"{outcome.memory / MEBIBYTE:.0f}", _share(outcome, first))
    return [
        f"{middle.wall:.2f}",
        f"{middle.cpu:.2f}",
        _spread(wall),
        _spread(cpu),
        *memory,
        "" if outcome.error is None else f"{outcome.error:.0e}",
        f"{task.limit_share(outcome):.0%}",
    ]


def _share(outcome: Outcome, first: Outcome) -> str:
    return f"{outcome.memory / first.memory:.2f}" if outcome.memory and first.memory else ""


def _spread(value: Spread) -> str:
    return f"{value.middle:.2f}±{value.half:.2f}"
