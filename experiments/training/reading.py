"""Batches from files; a slice that cannot be read is replaced by its neighbour, and named."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import cycle, islice
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from data.collate import collate
from data.datasets import Slice
from data.errors import InputError, plain_errors
from data.split_slices import SplitSlice
from experiments.stop import obey_parent_alone

Entry = TypeVar("Entry")


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
        If there is nothing readable to replace an unreadable slice.
    """
    loader = DataLoader(
        Replacing(slices),
        batch_sampler=batches,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=obey_parent_alone,
        pin_memory=device.type == "cuda" and workers > 0,  # what is simulated may lie on the device already
    )
    with plain_errors():
        for indices, tensors, problems in loader:
            yield Batch(indices, tensors.to(device), problems)


def whole_steps(batches: Sequence[Entry], per_step: int, done: int = 0) -> list[Entry]:
    """Begin again from the first until the steps that are left, after `done` batches, are all equally large."""
    steps = -(-max(len(batches) - done, 0) // per_step)
    return list(islice(cycle(batches), done + steps * per_step))


def _collate(entries: Sequence[tuple[int, Slice | SplitSlice, str]]) -> tuple[Tensor, Slice | SplitSlice, list[str]]:
    indices, slices, problems = zip(*entries, strict=True)
    return torch.tensor(indices), collate(slices), list(problems)
