"""The command, run in this process."""

from typer.testing import CliRunner, Result

from recon.experiments.cli import app


def run(*arguments: object, code: int = 0) -> Result:
    """Run `recon` with arguments, and check its exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result
