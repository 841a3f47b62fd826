"""Measures where the time of an image goes, for whoever asks; otherwise it costs nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Seconds = dict[str, float]
"""Seconds of each part of the work, by its name."""

_seconds: ContextVar[Seconds | None] = ContextVar("_seconds", default=None)


@contextmanager
def timings() -> Iterator[Seconds]:
    """Collect the seconds of the parts of the work that are done inside the block, in this thread."""
    found: Seconds = {}
    token = _seconds.set(found)
    try:
        yield found
    finally:
        _seconds.reset(token)


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Count the time of the block for a part of the work; parts do not overlap."""
    found = _seconds.get()
    if found is None:
        yield
        return
    start = time.perf_counter()
    try:
        yield
    finally:
        found[part] = found.get(part, 0.0) + time.perf_counter() - start
