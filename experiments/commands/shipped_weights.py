"""`recon weights`: what ships."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from recon.experiments.console import Problems, console, say
from recon.models.checkpoints.checkpoint import Checkpoint, load_model
from recon.models.checkpoints.locate import shipped_weights

MEGABYTE = 1e6


def weights() -> None:
    """Print a table of the shipped weights.

    Raises
    ------
    SystemExit
        At the end, if a file is damaged.
    """
    problems, table = Problems(), Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "network", "parameters", "MB", "trained on", "hash"):
        table.add_column(heading, justify="right" if heading in {"parameters", "MB"} else "left")
    for name, path in shipped_weights().items():
        with problems.collect():
            table.add_row(name, *_describe(load_model(path)))
    if table.rows:
        console.print(table)
    elif not problems.sentences:
        say("no weights ship with this version")
    problems.exit()


def _describe(loaded: Checkpoint) -> tuple[str, ...]:
    parameters = sum(parameter.numel() for parameter in loaded.network.parameters())
    card = loaded.card
    return (
        loaded.name,
        f"{parameters:,}",
        f"{loaded.path.stat().st_size / MEGABYTE:.1f}",
        str(card.trained) if card and card.trained else "not said",
        "checked" if card else "not known",
    )
