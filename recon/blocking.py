"""Decides how to work on a tensor: block by block, as suits the caches of a CPU, or all at once, as on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

_as_on_gpu = ContextVar("_as_on_gpu", default=False)


def in_blocks(tensor: Tensor) -> bool:
    """Return whether to work block by block and in compiled loops: on a CPU, outside of `as_on_gpu`."""
    return tensor.device.type == "cpu" and not _as_on_gpu.get()


@contextmanager
def as_on_gpu() -> Iterator[None]:
    """Work on whole tensors inside the block, as on a GPU: to count its kernels and to test its values on a CPU."""
    token = _as_on_gpu.set(True)
    try:
        yield
    finally:
        _as_on_gpu.reset(token)
