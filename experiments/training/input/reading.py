"""Reads batches of slices, and replaces slices that cannot be read by their neighbours."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from recon.data.errors import InputError, plain_errors
from recon.data.training.collate import Example, collate
from recon.experiments.console import warn
from recon.experiments.training.shutdown import obey_parent_only

Entry = TypeVar("Entry")

PREFETCHED = 2
"""Number of batches that each process reads ahead."""

WORKER_KILLED = "DataLoader worker (pid"
"""Beginning of torch's message about a killed process."""


class Slices(Protocol):
    """Slices of several volumes, by index."""

    def __len__(self) -> int:
        """Return the number of slices."""

    def __getitem__(self, index: int) -> Example:
        """Read a slice."""

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every slice; only slices of the same shape can share a batch."""

    def where(self, index: int) -> str:
        """Name a slice and its file, for messages."""


class Batch(NamedTuple):
    """A batch of slices.

    Attributes
    ----------
    indices
        Indices of the slices that were read.
    slices
        Tensors of the slices.
    problems
        For each slice, why the one asked for could not be read and was replaced; empty if it could.
    """

    indices: list[int]
    slices: Example
    problems: list[str]

    @property
    def unreadable(self) -> list[str]:
        """Messages about the slices that could not be read."""
        return [problem for problem in self.problems if problem]


class ReplacingDataset(Dataset[tuple[int, Example, str]]):
    """Replaces a slice that cannot be read by the next one of the same shape, so that batches keep their size."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._shapes = slices.shapes()

    def __getitem__(self, index: int) -> tuple[int, Example, str]:
        """Return the index of the slice that was read, the slice, and what was wrong with the one asked for.

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


def read_batches(
    slices: Slices, batches: Sequence[list[int]], workers: int, device: torch.device
) -> Generator[Batch]:
    """Read batches in order and move each to the device.

    When a reading process is killed, because memory ran out or a file crashed it, new processes replace it. A single
    one then reads the batches that may be to blame one by one, so that a second death identifies the batch.

    Parameters
    ----------
    slices
        Slices to read.
    batches
        Indices of the slices of each batch.
    workers
        Number of processes that read ahead, at most one per visible core; 0 to read in this process.
    device
        Device of the tensors.

    Raises
    ------
    InputError
        If no readable slice can replace an unreadable one, or one batch killed two processes.
    """
    workers = min(workers, visible_cores())
    done, suspected = 0, 0
    while done < len(batches):
        careful = done < suspected
        part = batches[done:suspected] if careful else batches[done:]
        try:
            for batch in _load(slices, part, 1 if careful else workers, 1 if careful else PREFETCHED, device):
                done += 1
                yield batch
        except (RuntimeError, ConnectionError, EOFError) as error:
            # a tensor of a killed process can be lost before torch notices the death
            if not workers or (isinstance(error, RuntimeError) and WORKER_KILLED not in str(error)):
                raise
            where = ", ".join(map(slices.where, batches[done]))
            if careful:
                raise InputError(
                    f"{where}: two processes were killed while reading this; is the file damaged, or is the memory "
                    f"or /dev/shm too small for data.workers={workers}?"
                ) from error
            suspected = done + PREFETCHED * workers
            warn(f"a reading process was killed at {where} or shortly after; new processes replace it")


def visible_cores() -> int:
    """Return the number of CPU cores that this process may run on: in a container or a job often not all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load(
    slices: Slices, batches: Sequence[list[int]], workers: int, ahead: int, device: torch.device
) -> Iterator[Batch]:
    """Read batches; each process reads `ahead` of them in advance."""
    loader = DataLoader(
        ReplacingDataset(slices),
        batch_sampler=batches,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        worker_init_fn=obey_parent_only,
        pin_memory=device.type == "cuda" and workers > 0,  # simulated slices may be on the device already
    )
    with plain_errors():
        for indices, tensors, problems in _started(loader):
            yield Batch(indices, tensors.to(device), problems)


def _started(loader: DataLoader[Any]) -> Iterator[Any]:
    """Start the reading processes without torch's SIGCHLD handler, which would raise in the middle of a step.

    The death of a process is then noticed when the next batch is awaited.
    """
    if threading.current_thread() is not threading.main_thread():
        return iter(loader)
    handler = signal.getsignal(signal.SIGCHLD)
    started = iter(loader)
    signal.signal(signal.SIGCHLD, handler)
    return started


def whole_steps(batches: Sequence[Entry], per_step: int, done: int = 0) -> list[Entry]:
    """Extend batches from the first on, so that those left after `done` make whole steps of `per_step` batches."""
    steps = -(-max(len(batches) - done, 0) // per_step)
    return list(islice(cycle(batches), done + steps * per_step))


def _collate(
    entries: Sequence[tuple[int, Example, str]],
) -> tuple[list[int], Example, list[str]]:
    indices, slices, problems = zip(*entries, strict=True)
    return list(indices), collate(slices), list(problems)
