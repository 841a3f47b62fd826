"""Shared by the tests of commands: a function that runs one."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from recon.experiments.cli import app


@pytest.fixture
def run_command() -> Callable[..., Result]:
    """Return a function that runs a command in this process and checks its exit code."""

    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return invoke
