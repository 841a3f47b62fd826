"""Shared by the tests of commands: a function that runs one."""

from collections.abc import Callable

import pytest
from typer.testing import Result

from helpers.programs.command import run


@pytest.fixture
def run_command() -> Callable[..., Result]:
    """Return a function that runs a command in this process and checks its exit code."""
    return run
