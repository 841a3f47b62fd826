"""Memory and methods that the clients of `recon serve` share."""

from __future__ import annotations

import threading
from dataclasses import replace

from recon.data.errors import InputError
from recon.experiments.engine.run import Runner
from recon.registry import create


class MemoryBudget:
    """Limits the memory that all clients take together.

    Parameters
    ----------
    limit
        Largest number of bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[object, int] = {}
        self._lock = threading.Lock()

    def hold(self, owner: object, size: int) -> None:
        """Record how many bytes a client holds now.

        Raises
        ------
        InputError
            If all clients together hold more than the limit.
        """
        with self._lock:
            self._held[owner] = size
            total = sum(self._held.values())
        if total > self._limit:
            raise InputError(
                f"the server has no memory left: its limit for all clients is {self._limit / 2**30:.3g} GiB"
            )

    def release(self, owner: object) -> None:
        """Record that a client holds nothing any more."""
        with self._lock:
            self._held.pop(owner, None)

    @property
    def held(self) -> int:
        """Number of bytes that all clients hold now."""
        with self._lock:
            return sum(self._held.values())


class MethodCache:
    """Methods by name, each built once.

    Sessions get a method only inside a runner, so they cannot send an image that the engine has not checked.

    Parameters
    ----------
    default
        The method of clients that do not choose one.
    """

    def __init__(self, default: Runner) -> None:
        self.default = default
        self._runners = {default.name: default}
        self._lock = threading.Lock()

    def get(self, name: str) -> Runner:
        """Return a registered method, ready to run.

        Parameters
        ----------
        name
            Name from an untrusted client; it is only compared with the names of registered methods and stages.

        Raises
        ------
        InputError
            If no method has this name.
        """
        with self._lock:
            if name not in self._runners:
                self._runners[name] = replace(self.default, name=name, method=create(name))
            return self._runners[name]
