"""Allocates memory that a worker of torch's DataLoader shares with the trainer, so that samples are not copied."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.data import get_worker_info


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Allocate an uninitialised tensor: in shared memory within a worker, in ordinary memory elsewhere."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=dtype)
    # As torch's default collation does it; `share_memory_` would copy.
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(  # type: ignore[no-untyped-call] # noqa: SLF001
        math.prod(shape) * dtype.itemsize
    )
    return torch.empty(0, dtype=dtype).set_(storage).view(shape)
