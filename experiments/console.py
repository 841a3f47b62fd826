"""What a command says to the person who runs it: progress, problems, the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from recon.data.errors import DiskFullError, InputError

BAD_INPUT = 2

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print what is of interest, as it is and in one line."""
    console.print(text, markup=False, soft_wrap=True)


def warn(sentence: str) -> None:
    """Print what went wrong and was got over."""
    errors.print(sentence, style="red", markup=False, soft_wrap=True)


class Problems:
    """Collects what went wrong with single files, so that the rest of a run goes on."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Turn an input error inside the block into a printed sentence, and go on, unless there is no room left."""
        try:
            yield
        except DiskFullError:
            raise
        except InputError as error:
            self.tell(str(error))

    def tell(self, sentence: str) -> None:
        """Print what is wrong, once."""
        if sentence in self.sentences:  # several methods stumble over one file
            return
        self.sentences.append(sentence)
        errors.print(f"error: {sentence}", style="red", markup=False, soft_wrap=True)

    def exit(self) -> None:
        """End the program with the exit code of bad input, if there was any.

        Raises
        ------
        SystemExit
            If a problem was collected.
        """
        if self.sentences:
            raise SystemExit(BAD_INPUT)


def progress() -> Progress:
    """Make a progress bar; on anything but a terminal it stays silent."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
