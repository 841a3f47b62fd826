"""List the commands of a group with the whole first sentence about each, also where it takes two lines."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

LONGEST = 300
"""Largest number of letters that are printed about a command."""


class Overview(TyperGroup):
    """A group whose help breaks sentences into lines instead of cutting them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write the names of the commands and what they do."""
        rows = [(name, command.get_short_help_str(limit=LONGEST)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
