"""Errors that the user can fix: one sentence without a traceback, exit code 2."""

import difflib
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST_SENTENCE = 2000
"""Largest number of characters of a message."""


class InputError(ValueError):
    """An input is wrong; the message is one sentence that names the input and says what to do.

    Parameters
    ----------
    sentence
        Message that may quote untrusted text; it is reduced to one line without terminal control characters, and its
        middle is left out if it is longer than `LONGEST_SENTENCE`.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(shortened(printable(sentence)))


class DiskFullError(InputError):
    """The disk or the quota is full, so that no further file can be written either."""


class InputWarning(UserWarning):
    """An input is odd or incomplete but usable; the message is one sentence that names the input."""


def warn_of_input(sentence: str) -> None:
    """Warn in one sentence that may quote untrusted text; the command prints it without a place in the code."""
    warnings.warn(printable(sentence), InputWarning, stacklevel=2)


def printable(text: str, most: int | None = None) -> str:
    """Reduce untrusted text to one line of printable characters, cut to at most `most` of them."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return line if most is None or len(line) <= most else f"{line[:most]}..."


def shortened(line: str) -> str:
    """Leave out the middle of a line that is longer than `LONGEST_SENTENCE`."""
    half = LONGEST_SENTENCE // 2
    return line if len(line) <= LONGEST_SENTENCE else f"{line[:half]} ... {line[-half:]}"


def did_you_mean(word: str, choices: Iterable[str], section: str = "") -> str:
    """Return the end of an error message: the choice most similar to `word`, or all choices if none is similar.

    `section` goes before the choice, as `data.` before `train`.
    """
    available = sorted(choices)
    similar = difflib.get_close_matches(word[:LONGEST_SENTENCE], available, n=1)
    return (
        f"; did you mean {section + similar[0]!r}?" if similar else f"; available: {', '.join(available) or 'none'}"
    )


@contextmanager
def plain_errors() -> Iterator[None]:
    """Strip the traceback that a worker of torch's DataLoader adds to the message of an input error."""
    try:
        yield
    except InputError as error:
        sentence = str(error).strip().rpartition(f"{InputError.__module__}.{InputError.__qualname__}: ")[2]
        raise InputError(sentence) from error
