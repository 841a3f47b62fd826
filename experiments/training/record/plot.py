"""`recon plot`: draws the curves of a training run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recon.data.errors import InputError
from recon.data.storage.atomic import atomic_path
from recon.data.storage.new_hdf5 import CREATOR
from recon.experiments.console import say
from recon.experiments.training.record.log import LOG, read_log

CURVES = "curves.png"
MARK = f"{CREATOR}: curves of a training run"
"""Text in every PNG file of this command, by which it knows them again."""

MARKED = 4096
"""Number of bytes at the start of the file that hold the mark."""

ALL = "all volumes"
PANELS = {
    "loss": "training loss",
    "ssim": "SSIM",
    "psnr": "PSNR [dB]",
    "nmse": "NMSE",
    "heldout": "held-out loss",
    "lr": "learning rate",
    "slices_per_second": "slices per second",
    "data_wait": "share of time waiting for data",
    "gpu_gb": "GPU memory [GB]",
}
LOGARITHMIC = {"lr", "nmse"}
FROM_ZERO = {"slices_per_second", "data_wait", "gpu_gb"}

Curve = tuple[list[int], list[float]]


def plot(run: Path) -> Path:
    """Draw the curves of a run into its folder.

    Parameters
    ----------
    run
        Output folder of `recon train`; the run may still be going on.

    Returns
    -------
    Path
        PNG file of the curves.

    Raises
    ------
    InputError
        If the folder contains no log, the log is empty, or this command did not write the PNG file that is there.
    """
    panels = curves(read_log(run / LOG))
    if not panels:
        raise InputError(f"{run / LOG}: nothing has been logged yet")
    path = run / CURVES
    _check_replaceable(path)
    with atomic_path(path) as temporary:
        draw(panels, run.resolve().name).savefig(temporary, format="png", metadata={"Software": MARK})
    say(f"curves: {path}")
    return path


def _check_replaceable(path: Path) -> None:
    if not os.path.lexists(path):
        return
    with path.open("rb") as file:
        if MARK.encode() not in file.read(MARKED):
            raise InputError(f"{path}: exists already and was not written by this program; move it elsewhere")


def curves(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Curve]]:
    """Return the curves of a log, as steps and values, by quantity and by group of volumes.

    The groups are all volumes and, for scores, the volumes of each contrast and acceleration.
    """
    panels: dict[str, dict[str, Curve]] = {}

    def add(quantity: str, name: str, step: int, value: Any) -> None:
        if quantity in PANELS and value is not None:
            steps, values = panels.setdefault(quantity, {}).setdefault(name, ([], []))
            steps.append(step)
            values.append(value)

    for line in lines:
        for quantity, value in line.items():
            add(quantity, ALL, line["steps"], value)
        for group, scores in line.get("groups", {}).items():
            for quantity, value in scores.items():
                add(quantity, group, line["steps"], value)
    return {quantity: panels[quantity] for quantity in PANELS if quantity in panels}


def draw(panels: Mapping[str, Mapping[str, Curve]], title: str) -> Figure:
    """Draw a panel for each quantity, with the mean over all volumes in black."""
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(4.2 * across, 2.8 * down + 0.4), dpi=120, layout="constrained")
    figure.suptitle(title, fontsize=10)
    for number, (quantity, drawn) in enumerate(panels.items(), start=1):
        _draw_panel(figure.add_subplot(down, across, number), quantity, drawn)
    most = max(figure.axes, key=lambda axes: len(axes.lines))
    if len(most.lines) > 1:
        figure.legend(handles=most.lines, loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _draw_panel(axes: Axes, quantity: str, drawn: Mapping[str, Curve]) -> None:
    for name, (steps, values) in drawn.items():
        marker = "." if len(steps) < 30 else ""
        if name == ALL:
            axes.plot(steps, values, marker=marker, color="black", linewidth=1.2, zorder=3, label=name)
        else:
            axes.plot(steps, values, marker=marker, linewidth=0.9, label=name)
    if quantity in LOGARITHMIC and all(value > 0 for _, values in drawn.values() for value in values):
        axes.set_yscale("log")
    axes.set_title(PANELS[quantity], fontsize=9, loc="left")
    axes.set_xlabel("step", fontsize=8)
    axes.tick_params(which="both", labelsize=7)
    axes.grid(alpha=0.3)
    if quantity in FROM_ZERO:
        axes.set_ylim(bottom=0)
