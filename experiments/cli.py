"""Define the command `recon`: its subcommands, its error messages and its exit codes."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer

from recon.data.errors import InputError, printable, shortened
from recon.data.versions import own_version
from recon.experiments.commands import openrecon, stream, study, training, verify, weights
from recon.experiments.commands.benchmarks import performance, quality
from recon.experiments.commands.images import commands as images
from recon.experiments.commands.lists import commands as lists
from recon.experiments.commands.overview import Overview
from recon.experiments.commands.raw_data import commands as raw_data
from recon.experiments.commands.raw_data import fetch
from recon.experiments.console import BAD_INPUT, show_warning

UsageError: Any = typer.BadParameter.__base__
"""Error about wrong arguments, of click or of the copy of it within newer versions of typer."""

INTERRUPTED = 130
TERMINATED = 143


class Terminated(KeyboardInterrupt):
    """SIGTERM from a person, a launcher or Slurm; it ends the program as Ctrl-C does, without partial files."""


class Commands(Overview):
    """Reports errors that the user can correct in one sentence; programming errors keep their traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options before the command."""
        with _printable_usage():
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, whose name may have two words."""
        words = " ".join(args[:2])
        if words in self.commands:
            return words, self.commands[words], args[2:]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and turn the user's errors and interruptions into a sentence and an exit code."""
        try:
            with _printable_usage():
                return super().invoke(ctx)
        except InputError as error:
            return _exit(str(error), BAD_INPUT)
        except OSError as error:
            if error.errno is None:
                raise
            if _reader_is_gone():
                raise typer.Exit(1) from error
            return _exit(f"{error.filename or 'the file system'}: {error.strerror}", BAD_INPUT)
        except Terminated:
            return _exit("terminated; finished results are kept", TERMINATED)
        except KeyboardInterrupt:
            return _exit("interrupted; finished results are kept", INTERRUPTED)


@contextmanager
def _printable_usage() -> Iterator[None]:
    """Reduce what the message about a wrong option quotes to one line without control characters."""
    try:
        yield
    except UsageError as error:
        raise UsageError(shortened(printable(error.format_message())), error.ctx) from error


def _exit(sentence: str, code: int) -> None:
    typer.echo(f"error: {shortened(printable(sentence))}", err=True)
    raise typer.Exit(code)


def _reader_is_gone() -> bool:
    """Return whether nobody reads standard output any more, as after `recon … | head`, and then discard the rest."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


OTHER_SPELLINGS = {"methods": "method", "accelerations": "acceleration"}
"""Options that some commands name in the plural because they take a list; either name is accepted everywhere."""


def _spelling(word: str) -> str:
    return OTHER_SPELLINGS.get(word, word)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unrolled-recon {own_version()}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _spelling},
    help="Reconstruct images from undersampled multi-coil k-space, and compare zero-filled, SENSE, GRAPPA, "
    "compressed sensing and an end-to-end variational network under one protocol. Research use only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich truncates names of options, and breaks lines after two words at 80 columns
)


@app.callback()
def limits(
    max_gib: Annotated[
        float | None,
        typer.Option(
            envvar="RECON_MAX_GIB", help="Refuse files that declare more k-space than this, in GiB; 16 by default."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Apply the options that all commands share."""
    if max_gib is not None:
        os.environ["RECON_MAX_GIB"] = str(max_gib)


for part in (raw_data, fetch, images, lists, study, verify, stream, training, weights):
    app.add_typer(part.commands)
performance.commands.add_typer(quality.commands)
app.add_typer(
    performance.commands,
    name="benchmark",
    help="Measure quality, time and memory against other packages, from a checkout of the repository.",
    no_args_is_help=True,
)
app.add_typer(
    openrecon.commands, name="openrecon", help="Package the server as an OpenRecon image.", no_args_is_help=True
)


def main() -> None:
    """Run the command `recon`."""
    signal.signal(signal.SIGTERM, _terminate)
    warnings.showwarning = show_warning
    app()


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
