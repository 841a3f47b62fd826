"""Choose who does the tasks of a command: its own process, processes of this machine, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch

from recon.data.errors import InputError
from recon.experiments.cluster.job import Advance, Job, Reply, Task, Work, ignored
from recon.experiments.cluster.part import ALL, Part, parse_part
from recon.experiments.cluster.processes import Processes, visible_gpus


class Workers(Protocol):
    """Workers that do tasks."""

    def run(self, job: Job, tasks: Sequence[Task], advance: Advance) -> Iterator[tuple[int, Reply]]:
        """Do tasks, and yield the index of each with the reply to it, in the order in which they end."""


@dataclass(frozen=True)
class Crew:
    """Who does the tasks of a command, and which part of them.

    Attributes
    ----------
    workers
        Workers; None to do the tasks in the process of the command.
    job
        What workers need to know.
    part
        Part of the work that this run does.
    """

    workers: Workers | None = None
    job: Job | None = None
    part: Part = ALL

    def run(
        self, work: Work, tasks: Sequence[Task], advance: Advance = ignored
    ) -> Iterator[tuple[int, Callable[[], Any]]]:
        """Do tasks in the order in which workers come to them.

        Parameters
        ----------
        work
            Function that does a task in this process.
        tasks
            Tasks, those of a file in a row.
        advance
            Function to call with numbers of finished slices; none by default, for tasks that are counted as a whole.

        Yields
        ------
        tuple
            Index of a task, and a function that prints what the task printed, and returns its result or raises its
            error.
        """
        if self.workers is None or self.job is None:
            for index, task in enumerate(tasks):
                yield index, partial(work, task, advance)
            return
        for index, reply in self.workers.run(self.job, tasks, advance):
            yield index, reply.result


ALONE = Crew()
"""The process of the command does everything."""


def gather(
    job: Job, workers: int | None = None, scheduler: str | None = None, part: str | None = None, device: str = "cpu"
) -> Crew:
    """Return who does the tasks of a command, from its options.

    Parameters
    ----------
    job
        What workers need to know.
    workers
        Number of processes on this machine; None or 1 for that of the command.
    scheduler
        Address of a running Dask scheduler; None for this machine.
    part
        Part of the work as text, `k/N`; None for all of it.
    device
        Kind of the device that workers compute on.

    Raises
    ------
    InputError
        If both kinds of workers are asked for, or the part has another form.
    """
    chosen = parse_part(part)
    if scheduler is not None:
        if workers is not None:
            raise InputError("--workers starts processes on this machine, --scheduler uses a cluster's; drop one")
        from recon.experiments.cluster.dask_cluster import DaskCluster  # noqa: PLC0415 - an extra

        return Crew(DaskCluster(scheduler), job, chosen)
    if workers is None or workers == 1:
        return Crew(None, None, chosen)
    gpus = visible_gpus() if device == "cuda" else ()
    return Crew(Processes(workers, torch.get_num_threads(), gpus), job, chosen)
