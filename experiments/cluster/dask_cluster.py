"""Do tasks on the workers of a running Dask cluster; an extra installs it."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

from recon.data.errors import InputError
from recon.data.extras import extra
from recon.data.storage.fingerprint import package_sha256
from recon.experiments.cluster.job import Advance, Job, Reply, Task, Work, reply_to
from recon.experiments.cluster.part import bundled
from recon.experiments.console import say

ANSWER = 20.0
"""Seconds in which a scheduler answers."""

AHEAD = 2
"""Bundles of tasks that the scheduler has for each thread of a worker; more would only fill its memory."""

GROWTH = 5.0
"""Seconds between two looks at how many workers there are."""

PULSE = 0.5
"""Seconds between two messages of a worker about its progress."""

LIMIT = "RECON_MAX_GIB"
"""Variable of the environment that workers take from the command."""

_alone = threading.Lock()
"""Held while a task runs: the threads of one process share torch's, and the place where messages go."""


@dataclass(frozen=True)
class Order:
    """What every bundle of tasks brings with it.

    Attributes
    ----------
    job
        What the tasks belong to.
    code
        SHA-256 of this package's source, which workers must run too.
    topic
        Name of the messages about progress.
    limit
        Largest k-space in GiB, as text; None for the worker's own.
    """

    job: Job
    code: str
    topic: str
    limit: str | None


@dataclass(frozen=True)
class DaskCluster:
    """The workers of a Dask scheduler. Paths of files must be the same on all machines.

    Attributes
    ----------
    address
        Address of the scheduler, for example `tcp://node1:8786`.
    """

    address: str

    def run(self, job: Job, tasks: Sequence[Task], advance: Advance) -> Iterator[tuple[int, Reply]]:
        """Do tasks, and yield the index of each with the reply to it, in the order in which they end.

        The scheduler gives the tasks of a dead worker to others, as often as its setting `allowed-failures` says.

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
            If no scheduler answers, or Dask is not installed.
        """
        with extra("cluster", "--scheduler"):
            from dask.distributed import Client, KilledWorker, as_completed  # noqa: PLC0415 - an extra
        try:
            client = Client(self.address, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.address}: no Dask scheduler answers there") from error
        topic = f"recon-{uuid.uuid4().hex}"
        order = Order(_with_absolute_paths(job), package_sha256(), topic, os.environ.get(LIMIT))
        with client:
            client.subscribe_topic(topic, lambda event: advance(event[1]))
            threads = _threads(client)
            bundles = iter(bundled(tasks, threads))
            running: dict[str, list[int]] = {}

            def submit(number: int) -> list[Any]:
                futures = []
                for bundle in (found for _, found in zip(range(number), bundles, strict=False)):
                    names = [(_absolute(tasks[index][0]), *tasks[index][1:]) for index in bundle]
                    future = client.submit(do_bundle, order, names, pure=False)
                    running[str(future.key)] = bundle
                    futures.append(future)
                return futures

            waiting = as_completed(submit(AHEAD * threads), loop=client.loop)
            asked = time.monotonic()
            for future in waiting:
                bundle = running.pop(str(future.key))
                try:
                    replies = future.result()
                except KilledWorker:
                    replies = [Reply(error=_killed(tasks[index])) for index in bundle]
                yield from zip(bundle, replies, strict=True)
                if time.monotonic() - asked > GROWTH:  # adaptive clusters grow with the work that waits
                    threads, asked = max(1, sum(client.nthreads().values())), time.monotonic()
                waiting.update(submit(max(0, AHEAD * threads - len(running))))


def do_bundle(order: Order, tasks: Sequence[Task]) -> list[Reply]:
    """Do tasks one after the other on a worker, and reply to each."""
    from dask.distributed import get_worker  # noqa: PLC0415 - an extra

    with _alone:
        if order.code != package_sha256():
            error = InputError("the workers of the cluster run another version of this program; install the same one")
            return [Reply(error=error)] * len(tasks)
        if order.limit is not None:
            os.environ[LIMIT] = order.limit
        pulse = Pulse(partial(get_worker().log_event, order.topic))
        try:
            return [reply_to(partial(_do, order.job, task, pulse)) for task in tasks]
        finally:
            pulse.send()


@dataclass
class Pulse:
    """Collects numbers of finished slices, and sends them now and then.

    Attributes
    ----------
    log
        Function that sends a number.
    slices
        Number that has not been sent.
    sent
        Time of the last message.
    """

    log: Advance
    slices: int = 0
    sent: float = 0.0

    def __call__(self, slices: int) -> None:
        """Add finished slices."""
        self.slices += slices
        if time.monotonic() - self.sent > PULSE:
            self.send()

    def send(self) -> None:
        """Send the number that has not been sent, if there is any."""
        if self.slices:
            self.log(self.slices)
        self.slices, self.sent = 0, time.monotonic()


def _do(job: Job, task: Task, advance: Advance) -> Any:
    return _work_of(job)(task, advance)


@lru_cache(maxsize=1)
def _work_of(job: Job) -> Work:
    """Build the methods of a job, which the process keeps for all tasks of it."""
    return job.work()


def _with_absolute_paths(job: Job) -> Job:
    """Return a job that means the same in whatever folder a worker runs."""
    options: Any = job
    changes: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if isinstance(value, Path):
            changes[field.name] = value.absolute()
        elif isinstance(value, tuple):
            changes[field.name] = tuple(one.absolute() if isinstance(one, Path) else one for one in value)
        elif field.name == "checkpoint" and value is not None:
            changes[field.name] = _absolute(value)
    return cast("Job", replace(options, **changes))


def _absolute(name: str) -> str:
    """Return the absolute path of a file or folder; a name of something else as it is."""
    path = Path(name)
    return str(path.absolute()) if path.exists() else name


def _threads(client: Any) -> int:
    """Return the number of threads of all workers, of which there has to be one."""
    if not client.scheduler_info(n_workers=-1)["workers"]:
        say("the scheduler has no workers yet; waiting for the first")
        client.wait_for_workers(1)
    return max(1, sum(client.nthreads().values()))


def _killed(task: Task) -> InputError:
    return InputError(f"{task[0]}: several workers were killed at it, perhaps because the memory is too small")
