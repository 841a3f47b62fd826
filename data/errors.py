"""The error a user can mend: one sentence, no traceback, exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Something that was given is wrong; the message is one sentence that names it and says what to do.

    Parameters
    ----------
    sentence
        May quote what a stranger wrote: it becomes one line that cannot steer a terminal.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence))


class DiskFullError(InputError):
    """There is no room left for what was to be written; nothing else will find room either."""


def printable(text: str, most: int | None = None) -> str:
    """Make one line of a stranger's text, without what steers terminals, cut to so many letters."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if most is None or len(line) <= most else f"{line[:most]}..."


@contextmanager
def plain_errors() -> Iterator[None]:
    """Free input errors from the traceback that a process of torch's DataLoader writes into their message."""
    try:
        yield
    except InputError as error:
        sentence = str(error).strip().rpartition(f"{InputError.__module__}.{InputError.__qualname__}: ")[2]
        raise InputError(sentence) from error
