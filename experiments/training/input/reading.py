"""Batches from files; a slice that cannot be read is replaced by its neighbour, and named."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from recon.data.errors import InputError, plain_errors
from recon.data.training.collate import collate
from recon.data.training.datasets import Slice
from recon.data.training.split_slices import SplitSlice
from recon.experiments.console import warn
from recon.experiments.training.stop import obey_parent_alone

Entry = TypeVar("Entry")

AHEAD = 2
"""Batches that each process reads before they are asked for."""

WORKER_IS_GONE = "DataLoader worker (pid"
"""How torch's message begins."""


class Slices(Protocol):
    """Slices of several volumes."""

    def __len__(self) -> int:
        """Give their number."""

    def __getitem__(self, index: int) -> Slice | SplitSlice:
        """Read one."""

    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of every slice; only slices of the same shape can share a batch."""

    def where(self, index: int) -> str:
        """Name the file and the slice in it."""


class Batch(NamedTuple):
    """What was read.

    Attributes
    ----------
    indices
        int `(batch,)`: which slices they are.
    slices
        Their tensors.
    problems
        A sentence for each slice that could not be read and was replaced, an empty one for the others.
    """

    indices: Tensor
    slices: Slice | SplitSlice
    problems: list[str]

    @property
    def unreadable(self) -> list[str]:
        """The sentences about slices that could not be read."""
        return [problem for problem in self.problems if problem]


class Replacing(Dataset[tuple[int, Slice | SplitSlice, str]]):
    """Reads the next slice of the same shape where one cannot be read, so that steps stay equally large."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._shapes = slices.shapes()

    def __getitem__(self, index: int) -> tuple[int, Slice | SplitSlice, str]:
        """Read a slice; tell which it is, and what was wrong with the one asked for.

        Raises
        ------
        InputError
            If no slice of that shape can be read.
        """
        problem = ""
        for candidate in (*range(index, len(self._shapes)), *range(index)):
            if self._shapes[candidate] == self._shapes[index]:
                try:
                    return candidate, self._slices[candidate], problem
                except InputError as error:
                    problem = problem or str(error)
        raise InputError(problem)


def read(slices: Slices, batches: Sequence[list[int]], workers: int, device: torch.device) -> Generator[Batch]:
    """Read batches, each onto the device when its turn has come.

    When a process that reads is killed, by the system for want of memory or by a damaged file, others take its place;
    one after the other they read what may have killed it, so that the second death has a name.

    Parameters
    ----------
    slices
        Where to read from.
    batches
        Indices.
    workers
        Processes that read ahead; 0 to read in between.
    device
        Where the tensors shall be.

    Raises
    ------
    InputError
        If there is nothing readable to replace an unreadable slice, or one batch has killed two processes.
    """
    done, suspected = 0, 0
    while done < len(batches):
        careful = done < suspected
        part = batches[done:suspected] if careful else batches[done:]
        try:
            for batch in _load(slices, part, 1 if careful else workers, 1 if careful else AHEAD, device):
                done += 1
                yield batch
        except RuntimeError as error:
            if WORKER_IS_GONE not in str(error):
                raise
            where = ", ".join(map(slices.where, batches[done]))
            if careful:
                raise InputError(
                    f"{where}: two processes that should read this were killed; is the file damaged, or is the "
                    f"memory or /dev/shm too small for data.workers={workers}?"
                ) from error
            suspected = done + AHEAD * workers
            warn(f"a process that reads was killed at {where} or soon after; others take its place")


def _load(
    slices: Slices, batches: Sequence[list[int]], workers: int, ahead: int, device: torch.device
) -> Iterator[Batch]:
    """Read batches, each process `ahead` of them before they are asked for."""
    loader = DataLoader(
        Replacing(slices),
        batch_sampler=batches,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        worker_init_fn=obey_parent_alone,
        pin_memory=device.type == "cuda" and workers > 0,  # what is simulated may lie on the device already
    )
    with plain_errors():
        for indices, tensors, problems in _started(loader):
            yield Batch(indices, tensors.to(device), problems)


def _started(loader: DataLoader[Any]) -> Iterator[Any]:
    """Start the processes that read, but not torch's alarm, which goes off in the midst of a step when one is killed.

    Without it the death is noticed by the one who waits for a batch.
    """
    if threading.current_thread() is not threading.main_thread():
        return iter(loader)
    handler = signal.getsignal(signal.SIGCHLD)
    started = iter(loader)
    signal.signal(signal.SIGCHLD, handler)
    return started


def whole_steps(batches: Sequence[Entry], per_step: int, done: int = 0) -> list[Entry]:
    """Begin again from the first until the steps that are left, after `done` batches, are all equally large."""
    steps = -(-max(len(batches) - done, 0) // per_step)
    return list(islice(cycle(batches), done + steps * per_step))


def _collate(entries: Sequence[tuple[int, Slice | SplitSlice, str]]) -> tuple[Tensor, Slice | SplitSlice, list[str]]:
    indices, slices, problems = zip(*entries, strict=True)
    return torch.tensor(indices), collate(slices), list(problems)
