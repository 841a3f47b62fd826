"""What travels to workers and back: a job of plain text, tasks of names, and replies of numbers."""

from __future__ import annotations

import io
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from recon.data.errors import InputError
from recon.experiments.console import console, errors, show_warning

Task = tuple[str, ...]
"""Names of one piece of work; the first is a file, and tasks of one file are better done by one worker."""

Advance = Callable[[int], None]
"""Function to call with a number of slices that are finished."""

Work = Callable[[Task, Advance], Any]
"""Function that does a task and returns a small result."""


def ignored(_slices: int) -> None:
    """Take no notice of finished slices: for tasks that are counted as a whole."""


WIDTH = 10_000
"""Columns of the lines that a worker prints; the command that shows them breaks them."""


class Job(Protocol):
    """Everything that a worker needs to know before its first task: a frozen dataclass of text and paths."""

    def __hash__(self) -> int:
        """Return the same for equal jobs, whose methods a worker builds once."""

    def work(self) -> Work:
        """Build the methods, and return the function that does a task; called once by each worker."""


class WorkerError(RuntimeError):
    """A task ended with an error of programming; the message is the traceback."""


@dataclass(frozen=True)
class Reply:
    """What came of a task.

    Attributes
    ----------
    value
        Result of the task; None if it failed.
    error
        Error that ended the task; None if it succeeded.
    printed
        Lines that the task printed, and whether each is a message of an error or a warning.
    """

    value: Any = None
    error: Exception | None = None
    printed: tuple[tuple[bool, str], ...] = field(default=())

    def result(self) -> Any:
        """Print the lines, and return the result or raise the error."""
        for is_error, line in self.printed:
            if is_error:
                errors.print(line, style="red", markup=False, soft_wrap=True)
            else:
                console.print(line, markup=False)
        if self.error is not None:
            raise self.error
        return self.value


def reply_to(work: Callable[[], Any]) -> Reply:
    """Do some work, and return its result or its error with what it printed."""
    value: Any = None
    error: Exception | None = None
    with _printed() as lines:
        try:
            value = work()
        except (InputError, OSError) as problem:
            error = problem
        except Exception:  # noqa: BLE001 - raised again by `Reply.result`, in the process of the command
            error = WorkerError(traceback.format_exc())
    return Reply(value, error, tuple(lines))


@contextmanager
def _printed() -> Iterator[list[tuple[bool, str]]]:
    """Collect the lines that are printed in the block instead of showing them."""
    lines: list[tuple[bool, str]] = []
    screens = {console: io.StringIO(), errors: io.StringIO()}
    before = {screen: (screen.file, screen.width) for screen in screens}
    for screen, text in screens.items():
        screen.file, screen.width = text, WIDTH
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            yield lines
    finally:
        for screen, text in screens.items():
            screen.file, screen.width = before[screen]
            lines += [(screen is errors, line.rstrip()) for line in text.getvalue().splitlines()]
