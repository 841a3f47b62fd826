"""Lay out the results of the network benchmark for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from recon.experiments.benchmark.networks.results import EntrantResult, Spread, TaskResult

MEBIBYTE = 2**20
LEGEND = (
    "seconds; speed-up over fastMRI float32 in wall and in CPU time, median ± half\n"
    "the interquartile range; peak memory, and relative to fastMRI float32; error of\n"
    "the image against fastMRI float32; share of the roofline limit that is reached\n"
)


def table(task: TaskResult) -> Group:
    """Lay out one task: seconds, speed-up over fastMRI, memory, error and share of the roofline limit."""
    what = f"{'x'.join(map(str, task.shape))}, {'training step' if task.training else 'inference'}"
    laid_out = Table(box=SIMPLE_HEAD, title=what, title_justify="left", pad_edge=False, padding=(0, 0))
    laid_out.add_column("network", no_wrap=True)
    for heading in ("wall", "CPU", "speed-up", "in CPU", "MiB", "share", "error", "limit"):
        laid_out.add_column(heading, justify="right", no_wrap=True)
    for result in task.outcomes:
        if result.failure is None:
            laid_out.add_row(result.name, *_cells(task, result))
    failures = [Text(f"{one.name} failed: {one.failure}", style="red") for one in task.outcomes if one.failure]
    return Group(laid_out, *failures, Text(LEGEND, style="dim"))


def _cells(task: TaskResult, result: EntrantResult) -> list[str]:
    middle, first = result.seconds.median(), task.outcomes[0]
    wall, cpu = task.ratios(result)
    memory = ("", "") if result.memory is None else (f"{result.memory / MEBIBYTE:.0f}", _share(result, first))
    return [
        f"{middle.wall:.2f}",
        f"{middle.cpu:.2f}",
        _spread(wall),
        _spread(cpu),
        *memory,
        "" if result.error is None else f"{result.error:.0e}",
        f"{task.limit_share(result):.0%}",
    ]


def _share(result: EntrantResult, first: EntrantResult) -> str:
    return f"{result.memory / first.memory:.2f}" if result.memory and first.memory else ""


def _spread(value: Spread) -> str:
    return f"{value.middle:.2f}±{value.half:.2f}"
