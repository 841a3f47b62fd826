"""What the clients of `recon serve` share: memory and methods."""

from __future__ import annotations

import threading

from recon.contract import Reconstruction
from recon.data.errors import InputError
from recon.registry import create


class Budget:
    """Memory for all clients together.

    Parameters
    ----------
    limit
        In bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[object, int] = {}
        self._lock = threading.Lock()

    def hold(self, owner: object, size: int) -> None:
        """Say how much a client holds now.

        Raises
        ------
        InputError
            If that is more than the others leave.
        """
        with self._lock:
            self._held[owner] = size
            total = sum(self._held.values())
        if total > self._limit:
            raise InputError(
                f"the server has no memory left: its limit for all clients is {self._limit / 2**30:.3g} GiB"
            )

    def give_back(self, owner: object) -> None:
        """Say that a client holds nothing any more."""
        with self._lock:
            self._held.pop(owner, None)

    @property
    def held(self) -> int:
        """Bytes that all clients hold now."""
        with self._lock:
            return sum(self._held.values())


class MethodShelf:
    """Methods by name, each made once.

    Parameters
    ----------
    name, method
        What is used if a client does not choose.
    """

    def __init__(self, name: str, method: Reconstruction) -> None:
        self.default = name, method
        self._made = {name: method}
        self._lock = threading.Lock()

    def get(self, name: str) -> tuple[str, Reconstruction]:
        """Find a method of the registry; the name comes from a stranger and is nothing but a key.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        with self._lock:
            if name not in self._made:
                self._made[name] = create(name)
            return name, self._made[name]
