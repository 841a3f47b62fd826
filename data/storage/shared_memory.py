"""Memory that a process of torch's DataLoader shares with the one that trains, so that samples are not copied."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.data import get_worker_info


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Make a tensor of any values: in a reading process where the trainer can see it, elsewhere as usual."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=dtype)
    # As torch's default collation does; `share_memory_` would copy.
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(  # type: ignore[no-untyped-call] # noqa: SLF001
        math.prod(shape) * dtype.itemsize
    )
    return torch.empty(0, dtype=dtype).set_(storage).view(shape)
