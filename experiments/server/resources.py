"""Memory and methods that the clients of `recon serve` share."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from recon.data.errors import InputError
from recon.experiments.engine.run import Runner
from recon.registry import create

METHODS = 32
"""Largest number of methods that clients chose and that stay ready."""


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
    given
        Settings with which the default method was created; they hold until a client chooses others.
    """

    def __init__(self, default: Runner, given: Mapping[str, Any] | None = None) -> None:
        self.default = default
        self._given = dict(given or {})
        self._runners: dict[Hashable, Runner] = {_key(default.name): default}
        self._lock = threading.Lock()

    def get(self, name: str, settings: Mapping[str, Any] | None = None) -> Runner:
        """Return a registered method, ready to run.

        Parameters
        ----------
        name
            Name from an untrusted client; it is only compared with the names of registered methods and stages.
        settings
            Settings that replace the method's own, from `recon.experiments.server.openrecon.console`.

        Raises
        ------
        InputError
            If no method has this name, or a setting is unknown or does not fit.
        """
        key = _key(name, settings)
        with self._lock:
            if key not in self._runners:
                given = self._given if name == self.default.name else {}
                self._runners[key] = replace(
                    self.default, name=name, method=create(name, given | dict(settings or {}))
                )
                self._forget_oldest()
            return self._runners[key]

    def _forget_oldest(self) -> None:
        """Keep no more than `METHODS` methods besides the default."""
        chosen = [key for key in self._runners if key != _key(self.default.name)]
        for key in chosen[: max(len(chosen) - METHODS, 0)]:
            del self._runners[key]


def _key(name: str, settings: Mapping[str, Any] | None = None) -> Hashable:
    return name, tuple(sorted((key, str(value)) for key, value in (settings or {}).items()))
