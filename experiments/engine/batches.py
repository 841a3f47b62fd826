"""A volume through a method in batches of slices, smaller ones where the memory does not suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError

T = TypeVar("T")
R = TypeVar("R")


def reconstruct_slices(
    method: Reconstruction, acquisitions: Sequence[Acquisition], device: torch.device
) -> Iterator[Tensor]:
    """Reconstruct slices on a device, in one batch if the memory suffices and else in halves of it.

    Parameters
    ----------
    method
        Any method.
    acquisitions
        The slices, on the CPU.
    device
        Where to compute.

    Yields
    ------
    Tensor
        float32 `(rows, columns)` on the CPU, one for each slice, in order.

    Raises
    ------
    InputError
        If the memory does not suffice for one slice, or its image is not finite.
    """

    def together(slices: Sequence[Acquisition]) -> list[Tensor]:
        on_device = [to_device(acquisition, device) for acquisition in slices]
        return [image.cpu() for image in method.batch(on_device)]

    try:
        for acquisition, image in zip(acquisitions, in_halves(together, acquisitions), strict=True):
            if not image.isfinite().all():
                raise InputError(f"{acquisition.name}: the image of slice {acquisition.slice} is not finite")
            yield image
    except MemoryError as error:
        raise InputError(
            f"{acquisitions[0].name}: the memory of the {device.type} does not suffice for one slice; fewer coils, "
            "less readout or half precision need less (--set virtual_coils=8, remove_oversampling=true, "
            "precision=bf16 with learned methods)"
        ) from error


def in_halves(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> Iterator[R]:
    """Do some work on all items at once; whenever the memory runs out, on each half of them.

    Raises
    ------
    MemoryError
        If it runs out on a single item.
    """
    try:
        done = work(items)
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        if len(items) == 1:
            raise MemoryError(str(error)) from error
        done = None
    if done is not None:
        yield from done
        return
    # Outside of the handler, because the error holds on to the tensors that filled the memory.
    torch.cuda.empty_cache()
    middle = len(items) // 2
    for half in (items[:middle], items[middle:]):
        yield from in_halves(work, half)


def to_device(acquisition: Acquisition, device: torch.device) -> Acquisition:
    """Move a slice; to a GPU from pinned memory, which the copy does not wait for."""
    if device.type == "cuda":
        pinned = acquisition.kspace.pin_memory()
        acquisition = replace(acquisition, kspace=pinned.to(device, non_blocking=True))
    return acquisition.to(device)


def _out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator has no class of its own for it.
    return isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
