"""Begins the tables of benchmarks."""

from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table


def empty_table(title: str | None, headings: Sequence[str], left: Collection[str]) -> Table:
    """Make a table without rows, for the terminal.

    Parameters
    ----------
    title
        Title above the table; None for none.
    headings
        Headings of the columns.
    left
        Headings of the columns that are aligned to the left; the others, of numbers, are aligned to the right.
    """
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    return table
