"""Lets one operation that changes the file system fail, as on a full or broken disk or when the process is killed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recon.data.storage import atomic

OPERATIONS: list[tuple[Any, str]] = [
    (tempfile, "mkstemp"),
    (tempfile, "mkdtemp"),
    (os, "fsync"),
    (Path, "replace"),
    (Path, "unlink"),
    (shutil, "rmtree"),
]
"""Operations to which all writing comes down; what was written counts from `fsync` on."""


class KilledError(BaseException):
    """Stands for the end of the process."""


FAULTS: dict[str, Callable[[], BaseException]] = {
    "kill": KilledError,
    "full disk": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "broken disk": lambda: OSError(errno.EIO, "Input/output error"),
}


class Faults:
    """Counts operations, and lets one fail; after a kill nothing can be changed any more.

    Parameters
    ----------
    monkeypatch
        Fixture that replaces the operations.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._at: int | None = None
        self._fault = "kill"
        for owner, name in OPERATIONS:
            monkeypatch.setattr(owner, name, self._wrap(getattr(owner, name)))
        monkeypatch.setattr(atomic, "_is_running", lambda _process: False)

    def run(self, command: Callable[[], Any], at: int | None = None, fault: str = "kill") -> Any:
        """Run a command whose operation number `at` fails; return what it returns, None if it is killed."""
        self.count, self._at, self._fault = 0, at, fault
        try:
            return command()
        except KilledError:
            return None
        finally:
            self._at = None

    def _wrap(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            number, self.count = self.count, self.count + 1
            if self._at is not None and (number == self._at or (self._fault == "kill" and number > self._at)):
                error = FAULTS[self._fault]()
                raise error
            return operation(*arguments, **options)

        return wrapped
