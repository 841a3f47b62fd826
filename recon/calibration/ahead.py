"""Keeps what was computed from calibration lines ahead of an image, until the image asks for it.

The lines about the centre of k-space are there long before the last line of a scan. What depends on them alone can be
computed in the meantime, inside of `ahead`. An image takes it only if its own calibration lines have the same bytes,
so it cannot differ from the image that is computed at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from recon.calibration.acs import Acs
from recon.data.acquisition import Size

LARGEST = 256 << 20
"""Largest number of bytes that are kept; the oldest are forgotten first."""


class Sized(Protocol):
    """A value that knows how many bytes it takes."""

    @property
    def nbytes(self) -> int:
        """Number of bytes."""


T = TypeVar("T", bound=Sized)

_is_ahead: ContextVar[bool] = ContextVar("_is_ahead", default=False)
_kept: OrderedDict[bytes, Sized] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def ahead() -> Iterator[None]:
    """Keep what `taken` computes inside the block, for the image that needs it next."""
    token = _is_ahead.set(True)
    try:
        yield
    finally:
        _is_ahead.reset(token)


def taken(compute: Callable[[Sequence[Acs], Size], T], acs: Sequence[Acs], matrix: Size) -> T:
    """Return what was computed ahead from the same calibration lines, and forget it; or compute it.

    Parameters
    ----------
    compute
        Function of calibration lines and matrix alone; every caller passes the same one.
    acs
        Calibration lines of each slice.
    matrix
        Size of the image `(readout, phase)`.
    """
    if not (_kept or is_ahead()):
        return compute(acs, matrix)
    key = _key(acs, matrix)
    with _lock:
        found = _kept.pop(key, None)
    value: T = compute(acs, matrix) if found is None else found  # type: ignore[assignment]
    if is_ahead():
        with _lock:
            _kept[key] = value
            while kept_bytes() > LARGEST:
                _kept.popitem(last=False)
    return value


def is_ahead() -> bool:
    """Return whether this thread is inside of `ahead`."""
    return _is_ahead.get()


def kept_bytes() -> int:
    """Return the number of bytes that no image has asked for yet."""
    return sum(one.nbytes for one in _kept.values())


def _key(acs: Sequence[Acs], matrix: Size) -> bytes:
    digest = hashlib.blake2b(repr(matrix).encode())
    for one in acs:
        lines = one.lines.detach().resolve_conj().resolve_neg().contiguous()
        digest.update(f"{one.dc} {one.separate} {lines.dtype} {lines.device} {tuple(lines.shape)}".encode())
        digest.update(lines.cpu().numpy().data)
    return digest.digest()
