"""The command `recon`: what holds for all of its commands, which import what they need only when they run."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recon.data.errors import InputError
from recon.experiments.commands import benchmarks, images, raw_data, stream, training, weights

BAD_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143


class Terminated(KeyboardInterrupt):
    """SIGTERM, of a person, a launcher or Slurm: ends the program as Ctrl-C does, and leaves nothing half done."""


class Commands(TyperGroup):
    """Tells in one sentence what the user can mend; lets the errors of programmers pass."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            return _leave(str(error), BAD_INPUT)
        except OSError as error:
            if error.errno is None:
                raise
            return _leave(f"{error.filename or 'the file system'}: {error.strerror}", BAD_INPUT)
        except Terminated:
            return _leave("terminated; what was finished is kept", TERMINATED)
        except KeyboardInterrupt:
            return _leave("interrupted; what was finished is kept", INTERRUPTED)


def _leave(sentence: str, code: int) -> None:
    typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    help="Undersampled multi-coil k-space to images: zero-filled, SENSE, GRAPPA, compressed sensing and an "
    "end-to-end variational network under one protocol. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def limits(
    max_gib: Annotated[
        float | None,
        typer.Option(
            envvar="RECON_MAX_GIB", help="Refuse files that declare more k-space than this; 16 if not given."
        ),
    ] = None,
) -> None:
    """Hold for every command."""
    if max_gib is not None:
        os.environ["RECON_MAX_GIB"] = str(max_gib)


for part in (raw_data, images, stream, training, weights):
    app.add_typer(part.commands)
app.add_typer(
    benchmarks.commands,
    name="benchmark",
    help="Measure quality, time and memory against others.",
    no_args_is_help=True,
)


def main() -> None:
    """Run the command."""
    signal.signal(signal.SIGTERM, _terminate)
    app()


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
