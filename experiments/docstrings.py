"""Read what the docstring of a class says about it and about its attributes."""

from __future__ import annotations

import inspect
import re

ATTRIBUTES = "\nAttributes\n"


def description(cls: type) -> str:
    """Return the text of a class's docstring before the section of its attributes."""
    return _docstring(cls).partition(ATTRIBUTES)[0].strip()


def attribute_texts(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say about their attributes, by name, each as one line."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):  # a class explains only what it adds
        for block in re.split(r"\n(?=\S)", _docstring(base).partition(ATTRIBUTES)[2]):
            names, _, text = block.partition("\n")
            if text:
                texts |= dict.fromkeys(re.split(", *", names), " ".join(text.split()))
    return texts


def _docstring(cls: type) -> str:
    return inspect.cleandoc(vars(cls).get("__doc__") or "")
