"""Do tasks in several processes on this machine, and do those again whose worker died."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from recon.data.errors import InputError
from recon.experiments.cluster.job import Advance, Job, Reply, Task
from recon.experiments.cluster.part import bundled
from recon.experiments.cluster.worker import READY, THREADS, environment, serve

TRIES = 3
"""Number of workers that may die of a task before it counts as failed."""

PATIENCE = 5.0
"""Seconds in which a worker that is to end may finish removing its temporary files."""


@dataclass(eq=False)
class Worker:
    """A process, this process's end of the pipe to it, and the tasks that it has yet to answer.

    Attributes
    ----------
    place
        Number of the worker, which decides on its GPU.
    process
        The process.
    connection
        This process's end of the pipe.
    pending
        Indices of the tasks of its bundle that it has not answered, the first of which it was sent.
    ready, busy
        Whether it has built its methods, and whether it is at a task.
    dead
        Whether it has ended without being asked to.
    """

    place: int
    process: multiprocessing.process.BaseProcess
    connection: Connection
    pending: deque[int] = field(default_factory=deque)
    ready: bool = False
    busy: bool = False
    dead: bool = False

    def messages(self) -> Iterator[Any]:
        """Read all messages that the worker has sent, and note its death."""
        alive = self.process.is_alive()
        try:
            while self.connection.poll():
                yield self.connection.recv()
        except (EOFError, OSError):  # killed, perhaps in the middle of a message
            alive = False
        self.dead = not alive

    def send(self, task: Task) -> None:
        """Send a task to the worker."""
        self.busy = True
        with suppress(OSError):  # it has died, which `messages` is going to notice
            self.connection.send(task)

    def end(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


@dataclass(eq=False)
class Shift:
    """The tasks of a run, and how far workers have come with them.

    Attributes
    ----------
    job
        What the tasks belong to.
    tasks
        All tasks.
    advance
        Function to call with numbers of finished slices.
    bundles
        Indices of the tasks that no worker has, in bundles for one worker each.
    left
        Number of tasks without a reply.
    deaths
        Number of workers that died at each task.
    """

    job: Job
    tasks: Sequence[Task]
    advance: Advance
    bundles: deque[deque[int]]
    left: int
    deaths: Counter[int] = field(default_factory=Counter)

    def listen(self, worker: Worker) -> Iterator[tuple[int, Reply]]:
        """Read what a worker has sent, and yield its replies with the indices of the tasks.

        Raises
        ------
        InputError
            If the worker could not build its methods.
        """
        for message in worker.messages():
            if message == READY:
                worker.ready = True
            elif isinstance(message, int):
                self.advance(message)
            elif worker.ready:
                worker.busy = False
                self.left -= 1
                yield worker.pending.popleft(), message
            else:
                message.result()

    def employ(self, worker: Worker) -> None:
        """Send a task to a worker that has none, as long as there are any."""
        while self.bundles and not worker.pending:
            worker.pending = self.bundles.popleft()
        if worker.pending:
            worker.send(self.tasks[worker.pending[0]])

    def replace(self, dead: Worker) -> Iterator[tuple[int, Reply]]:
        """Take back the tasks of a dead worker, and yield the one that has killed too many as failed.

        Raises
        ------
        InputError
            If the worker died before its first task.
        """
        if not dead.ready:
            raise InputError("a worker ended before its first task; the same command without --workers shows why")
        if dead.busy:
            culprit = dead.pending[0]
            self.deaths[culprit] += 1
            if self.deaths[culprit] == TRIES:
                self.left -= 1
                yield dead.pending.popleft(), _killed(self.tasks[culprit])
        self.bundles.appendleft(dead.pending)


@dataclass(frozen=True)
class Processes:
    """Workers that are processes on this machine, started anew and not forked.

    Attributes
    ----------
    count
        Number of processes; no more are started than there are bundles of tasks.
    threads
        Number of threads that all processes compute with together; each has at least one.
    gpus
        GPUs as the variable CUDA_VISIBLE_DEVICES names them, of which each process sees one in turn; empty to leave
        the variable alone.
    """

    count: int
    threads: int
    gpus: tuple[str, ...] = ()

    def run(self, job: Job, tasks: Sequence[Task], advance: Advance) -> Iterator[tuple[int, Reply]]:
        """Do tasks, and yield the index of each with the reply to it, in the order in which they end.

        A task is done again by another worker if the one that had it died, and fails after `TRIES` deaths.

        Parameters
        ----------
        job
            What the tasks belong to.
        tasks
            Tasks, those of a file in a row.
        advance
            Function to call with numbers of finished slices.

        Raises
        ------
        InputError
            If a worker cannot be started.
        """
        shift = Shift(job, tasks, advance, deque(map(deque, bundled(tasks, self.count))), len(tasks))
        workers = [self._start(place, job) for place in range(min(self.count, len(shift.bundles)))]
        try:
            while shift.left:
                for worker in _with_news(workers):
                    yield from shift.listen(worker)
                    if worker.dead:
                        yield from shift.replace(worker)
                        worker.end()
                        workers[worker.place] = self._start(worker.place, job)
                    elif worker.ready and not worker.busy:
                        shift.employ(worker)
        finally:
            for worker in workers:  # all at once, then wait for each
                worker.connection.close()
                worker.process.terminate()
            for worker in workers:
                worker.end()

    def variables(self, place: int) -> dict[str, str]:
        """Return the environment variables of the process at a place: its share of the threads, and its GPU."""
        variables = dict.fromkeys(THREADS, str(max(1, self.threads // self.count)))
        if self.gpus:
            variables["CUDA_VISIBLE_DEVICES"] = self.gpus[place % len(self.gpus)]
        return variables

    def _start(self, place: int, job: Job) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, job), name=f"recon worker {place}")
        with environment(self.variables(place)):
            process.start()
        theirs.close()
        return Worker(place, process, ours)


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them; none if there is one alone."""
    import torch  # noqa: PLC0415 - slow, and needed with GPUs only

    count = torch.cuda.device_count()
    names = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return tuple(names[:count] or map(str, range(count))) if count > 1 else ()


def _with_news(workers: Sequence[Worker]) -> list[Worker]:
    """Wait until workers have sent a message or ended, and return these."""
    news = set(wait([source for one in workers for source in (one.connection, one.process.sentinel)]))
    return [one for one in workers if news & {one.connection, one.process.sentinel}]


def _killed(task: Task) -> Reply:
    sentence = f"{task[0]}: {TRIES} workers were killed at it, perhaps because the memory is too small"
    return Reply(error=InputError(sentence))
