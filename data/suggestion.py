"""What a mistyped name was probably meant to be."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the nearest right word, or all there are, as the tail of an error's sentence."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(choices) or 'none'}"
