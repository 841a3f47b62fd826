"""Help fits a terminal of 80 columns: names of options are whole, and so are sentences about commands."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from recon.experiments.cli import app

WIDTH = 80


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"),
    [*commands(get_command(app))],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_fits_the_terminal_and_cuts_nothing(path: tuple[str, ...], command: Any) -> None:
    help_text = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": str(WIDTH)}).output
    assert max(map(len, help_text.splitlines())) <= WIDTH
    words = " ".join(help_text.split())
    for parameter in command.params:
        for name in (*parameter.opts, *parameter.secondary_opts):
            assert name in words or parameter.param_type_name == "argument"
    for below in getattr(command, "commands", {}).values():
        assert " ".join(below.help.split("\n\n")[0].split()).rstrip(".") in words
