"""What a file format is to the rest: how it is recognised, read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recon.data.formats.whole_scan import WholeScan
from recon.data.volume import Volume


@dataclass(frozen=True)
class Format:
    """One format of raw data.

    Attributes
    ----------
    name
        As the user knows it.
    suffixes
        By which its files are found in folders, and chosen when something is written.
    recognises
        Whether a file's first bytes, or its layout, are this format's.
    open
        Read everything but the samples.
    write
        Write a whole scan; None if the format is only read.
    keeps
        The fields of `WholeScan` beside the samples for which the format has a place.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    open: Callable[[Path], Volume]
    write: Callable[[Path, WholeScan], None] | None = None
    keeps: frozenset[str] = frozenset()
