"""A worker of this machine: a process that receives tasks through a pipe and answers each."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import FrameType

from recon.experiments.cluster.job import Job, Reply, reply_to

READY = "ready"
"""First message of a worker, after its methods were built."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Variables of the environment from which libraries take their number of threads."""


def serve(connection: Connection, job: Job) -> None:
    """Do the tasks that come through a pipe until it is closed.

    Sends `READY`, a number for every group of finished slices, and a `Reply` to every task.

    Parameters
    ----------
    connection
        This process's end of the pipe.
    job
        What the tasks belong to.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the command's ends the others
    signal.signal(signal.SIGTERM, _end)
    try:
        built = reply_to(job.work)
        connection.send(READY if built.error is None else Reply(error=built.error))
        work = built.value
        while work is not None:
            task = connection.recv()
            connection.send(reply_to(lambda: work(task, connection.send)))  # noqa: B023 - called at once
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the command has ended
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to clean up


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
