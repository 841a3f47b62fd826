"""Choose where to compute, and divide the work where the memory is too small for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import torch

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError, did_you_mean

T = TypeVar("T")
R = TypeVar("R")

CPU = torch.device("cpu")


def pick_device(name: str) -> torch.device:
    """Return the device called `cpu` or `cuda`, or for `auto` the GPU if there is one.

    Raises
    ------
    InputError
        If the name is unknown or the machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}{did_you_mean(name, ['auto', 'cpu', 'cuda'])}")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device on this machine; use --device cpu")
    return torch.device(name)


def to_device(acquisition: Acquisition, device: torch.device) -> Acquisition:
    """Move a slice to a device; k-space goes from the CPU to a GPU through pinned memory, without waiting."""
    if device.type == "cuda" and acquisition.kspace.device.type == "cpu":
        pinned = acquisition.kspace.pin_memory()
        acquisition = replace(acquisition, kspace=pinned.to(device, non_blocking=True))
    return acquisition.to(device)


def in_halves(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> Iterator[R]:
    """Do some work on all items at once, or on each half of them whenever the memory is too small.

    Raises
    ------
    MemoryError
        If the memory is too small for a single item.
    """
    try:
        results = work(items)
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        if len(items) == 1:
            raise MemoryError(str(error)) from error
        results = None
    if results is not None:
        yield from results
        return
    # Outside of the handler, because the error keeps the tensors alive that filled the memory.
    torch.cuda.empty_cache()
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        yield from in_halves(work, half)


def _is_out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator raises a plain RuntimeError.
    return isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
