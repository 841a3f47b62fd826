"""Print messages, progress and problems of a command, and set its exit code."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from recon.data.errors import DiskFullError, InputError, InputWarning, printable
from recon.data.storage.atomic import DISK_FULL_CODES
from recon.experiments.narrow_tables import narrow_parts

if TYPE_CHECKING:
    from rich.progress import Progress

BAD_INPUT = 2


class SafeConsole(Console):
    """Prints no control characters of untrusted text, such as escape codes in the names of files and protocols."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich.console.Console.print`; sentences, and the paths in them, are not broken into lines."""
        if all(isinstance(one, str) for one in objects):
            options.setdefault("soft_wrap", True)
        super().print(*objects, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render text, tables and bars to segments, in which only rich's own segments control the terminal."""
        options = options or self.options
        parts: Iterable[RenderableType] = [renderable]
        if isinstance(renderable, Table):
            parts = narrow_parts(renderable, self, options)
        for part in parts:
            for segment in super().render(part, options):
                yield segment if segment.control else Segment(_plain(segment.text), segment.style)


def _plain(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


console: Console = SafeConsole(highlight=False, markup=False, emoji=False)
errors: Console = SafeConsole(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Print a message in one line, without interpreting markup."""
    console.print(text, markup=False, soft_wrap=True)


def say_all(sentences: Iterable[str]) -> None:
    """Print messages, each in a line of its own."""
    for sentence in sentences:
        say(sentence)


def log(text: str) -> None:
    """Print a line about a finished step where no progress bar is shown: into files, pipes and logs of clusters."""
    if not errors.is_terminal:
        say(text)


def warn(sentence: str) -> None:
    """Print a warning."""
    errors.print(sentence, style="red", markup=False, soft_wrap=True)


_show_with_place = warnings.showwarning


def show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Print a warning about an input in one sentence, and any other with its place in the code."""
    if issubclass(category, InputWarning):
        warn(f"warning: {message}")
    else:
        _show_with_place(message, category, *place, **more)


class Problems:
    """Collects the problems of single files, so that the rest of a run continues."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Print an error of the input or the file system raised inside the block, and continue.

        A full disk ends the run, because nothing that follows could be written either.
        """
        try:
            yield
        except DiskFullError:
            raise
        except InputError as error:
            self.add(str(error))
        except OSError as error:
            if error.errno is None or error.errno in DISK_FULL_CODES:
                raise
            self.add(printable(f"{error.filename or 'the file system'}: {error.strerror}"))

    def add(self, sentence: str) -> None:
        """Print a problem, unless it was printed before."""
        if sentence in self.sentences:  # several methods fail on the same file
            return
        self.sentences.append(sentence)
        errors.print(f"error: {sentence}", style="red", markup=False, soft_wrap=True)

    @property
    def remark(self) -> str:
        """What to add to a line about a result, if something is missing in it."""
        return ", without what failed above" if self.sentences else ""

    def exit(self) -> None:
        """End the program with the exit code of bad input, if there was a problem.

        Raises
        ------
        SystemExit
            If a problem was collected.
        """
        if self.sentences:
            raise SystemExit(BAD_INPUT)


def progress() -> Progress:
    """Make a progress bar, which is shown only on a terminal."""
    from rich.progress import (  # noqa: PLC0415 - for commands that take long
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

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
