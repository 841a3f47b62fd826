"""Continues tables that are too wide for the console below themselves, so that no number is broken into lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

MOST_OF_KEYS = 0.6
"""Largest share of the width that columns which are repeated in every part may take."""


def narrow_parts(table: Table, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
    """Divide a table with too many columns of numbers into parts that fit, and repeat the columns that name the rows.

    Words may be broken into lines; columns of text are the first of a table and name its rows.

    Parameters
    ----------
    table
        The table; one without columns of numbers behind those of text is not divided.
    console, options
        Where it is printed, and how wide that is.
    """
    texts = [place for place, column in enumerate(table.columns) if column.justify != "right"]
    keys = texts[-1] + 1 if texts else 0
    numbers = table.columns[keys:]
    if not keys or len(numbers) < 2 or _fits(table, console, options):
        yield table
        return
    names = table.columns[:keys]
    while len(names) > 1 and _width(_part(table, names), console, options) > MOST_OF_KEYS * options.max_width:
        names = names[1:] if len({str(cell) for cell in names[0].cells}) == 1 else names[:-1]
    chosen: list[Column] = []
    first = True
    for column in [*(one for one in table.columns[:keys] if one not in names), *numbers]:
        if chosen and not _fits(_part(table, [*names, *chosen, column]), console, options):
            yield _part(table, [*names, *chosen], title=first)
            chosen, first = [], False
        chosen.append(column)
    yield _part(table, [*names, *chosen], title=first)
    if table.caption is not None:
        yield table.caption if isinstance(table.caption, Text) else Text(str(table.caption))


def _fits(table: Table, console: Console, options: ConsoleOptions) -> bool:
    return _width(table, console, options) <= options.max_width


def _width(table: Table, console: Console, options: ConsoleOptions) -> int:
    """Return the width that a table takes without breaking a cell."""
    bare = copy(table)
    bare.title = bare.caption = None
    unlimited = options.update(width=10_000)
    return Measurement.get(console, unlimited, bare).maximum


def _part(table: Table, columns: Sequence[Column], title: bool = False) -> Table:
    """Return a table of some of the columns, with the title if wanted and without the caption."""
    part = copy(table)
    part.columns, part.rows = [], []
    part.title, part.caption = table.title if title else None, None
    for column in columns:
        part.add_column(column.header, column.footer, justify=column.justify, no_wrap=column.no_wrap)
    for row, *cells in zip(table.rows, *(column.cells for column in columns), strict=True):
        part.add_row(*cells, style=row.style, end_section=row.end_section)
    return part
