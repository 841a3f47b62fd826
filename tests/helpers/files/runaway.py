"""Catches code whose cost explodes with hostile input."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

RUNAWAY = 60.0
"""Processor seconds no sound reader needs, even under coverage on a busy machine; explosive ones take hours."""


@contextmanager
def no_runaway() -> Iterator[None]:
    """Fail if the block takes longer than any reader of linear cost could."""
    start = time.process_time()
    yield
    assert time.process_time() - start < RUNAWAY
