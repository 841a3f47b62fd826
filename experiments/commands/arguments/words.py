"""Converts comma-separated words, numbers and sizes."""

from __future__ import annotations

import math

from recon.data.errors import InputError


def parse_size(text: str) -> tuple[int, int]:
    """Convert text of the form `HxW`.

    Raises
    ------
    InputError
        If the text has another form.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f"size {text!r} is not of the form HxW, for example 256x256")
    return int(parts[0]), int(parts[1])


def parse_shape(text: str) -> tuple[int, int, int]:
    """Convert text of the form `CxHxW`: coils, readout, phase.

    Raises
    ------
    InputError
        If the text has another form.
    """
    coils, _, size = text.partition("x")
    if not coils.isdigit() or int(coils) == 0:
        raise InputError(f"shape {text!r} is not of the form CxHxW, for example 16x320x320")
    return int(coils), *parse_size(size)


def parse_shapes(text: str) -> list[tuple[int, int, int]]:
    """Convert a comma-separated list of `CxHxW`: coils, readout, phase."""
    return [parse_shape(word) for word in map(str.strip, text.split(",")) if word]


def parse_words(text: str) -> list[str]:
    """Split text at commas, and keep each word once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def parse_counts(text: str, least: int = 0) -> tuple[int, ...]:
    """Convert a comma-separated list of whole numbers.

    Raises
    ------
    InputError
        If an entry is not a whole number of at least `least`, or the list is empty.
    """
    words = parse_words(text)
    for word in words:
        if not word.isdigit() or int(word) < least:
            raise InputError(f"{word!r} is not a whole number" + (f" of at least {least}" if least else ""))
    if not words:
        raise InputError("no number was given")
    return tuple(map(int, words))


def parse_shares(text: str) -> tuple[float, ...]:
    """Convert a comma-separated list of positive numbers.

    Raises
    ------
    InputError
        If an entry is something else, or the list is empty.
    """
    shares = []
    for word in parse_words(text):
        try:
            shares.append(float(word))
        except ValueError as error:
            raise InputError(f"{word!r} is not a number") from error
        if not 0 < shares[-1] < math.inf:
            raise InputError(f"{word} is not a positive number")
    if not shares:
        raise InputError("no number was given")
    return tuple(shares)
