"""Defines a file format: how its files are recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recon.data.formats.whole_scan import WholeScan
from recon.data.volume import Volume


@dataclass(frozen=True)
class Format:
    """A format of raw data.

    Attributes
    ----------
    name
        Name that the user sees.
    suffixes
        Suffixes of its files, the first of which is written.
    recognises
        Function that decides by a file's content whether it has this format.
    open
        Function that reads everything but the samples.
    write
        Function that writes a whole scan; None if the format can only be read.
    keeps
        Fields of `WholeScan` that the format can store besides the samples.
    options
        Keyword arguments of `open` by which the user describes the content: `axes`, `variable`.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    open: Callable[..., Volume]
    write: Callable[[Path, WholeScan], None] | None = None
    keeps: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
