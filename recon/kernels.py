"""Runs loops that numba compiled, on torch's own threads. Where they cannot run, every caller has formulas in torch.

A loop is a C function of one pointer to a task: a row of integers, among them the addresses of the tensors. It takes
one ticket after the other until none is left, so it is right for any number of threads, and each ticket's result does
not depend on who took it. The threads are those of torch's OpenMP library: their number is torch's, no second pool
competes with them, several Python threads may call at once, and what holds for torch after a fork holds here.

The first use imports numba and compiles; the machine code is cached beside the source or, if that is read-only, where
numba keeps its cache (`NUMBA_CACHE_DIR`). No cache at all only costs the compilation.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.blocking import in_blocks

SWITCH = "RECON_KERNELS"
"""Environment variable; `0` computes everything by torch."""


def kernels(module: str, *tensors: Tensor) -> ModuleType | None:
    """Return a module of compiled loops if it can treat these tensors; None otherwise, or without numba.

    It treats float32 and complex64 on a CPU, outside torch's tracers, where no gradient is recorded.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    if torch.is_grad_enabled() and any(one.requires_grad for one in tensors):
        return None
    return _load(module) if all(map(_plain, tensors)) else None


def compiled(loop: Callable[[Any], None]) -> Any:
    """Compile a loop, or take it from the cache: a decorator for functions of a pointer to integers."""
    from numba import cfunc, types  # noqa: PLC0415 - takes half a second, and only some commands need it

    signature = types.void(types.CPointer(types.int64))
    options: dict[str, Any] = {"nopython": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        return cfunc(signature, cache=True, **options)(loop)
    except Exception:  # noqa: BLE001 - a cache may be read-only, full or damaged in any way
        return cfunc(signature, **options)(loop)


def run(loop: Any, tickets: int, *fields: int | Tensor) -> None:
    """Let torch's threads run a loop.

    Parameters
    ----------
    loop
        A loop that `compiled` returned.
    tickets
        Number of tickets.
    fields
        Values after the two counters of the task: integers, and contiguous tensors, given by their addresses.
    """
    addresses = [one.data_ptr() if isinstance(one, Tensor) else one for one in fields]
    task = np.array([0, tickets, *addresses], dtype=np.int64)
    threads = min(torch.get_num_threads(), tickets)
    parallel = _parallel()
    if threads > 1 and parallel is not None:
        parallel(loop.address, task.ctypes.data, threads, 0)
    else:
        loop.ctypes(task.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)))


def _plain(tensor: Tensor) -> bool:
    """Return whether the memory of a tensor holds its values: it may be traced, or negated or conjugated later."""
    own = type(tensor) is Tensor and in_blocks(tensor) and tensor.dtype in (torch.float32, torch.complex64)
    return own and not tensor.is_conj() and not tensor.is_neg()


@cache
def _load(module: str) -> ModuleType | None:
    try:
        return import_module(module)
    except ImportError:  # numba is absent, or does not fit numpy
        return None


@cache
def _parallel() -> Callable[..., None] | None:
    """Return the entry of the OpenMP library that torch loaded; None where it has another interface than GNU's."""
    try:
        function = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    function.restype = None
    return function
