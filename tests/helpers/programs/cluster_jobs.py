"""Jobs for tests of workers, which take no time and leave a trace of every task."""

import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recon.data.errors import InputError
from recon.experiments.cluster.job import Advance, Task, Work
from recon.experiments.console import say


@dataclass(frozen=True)
class Trace:
    """Writes a line to the file of a task whenever it is done, and returns its name and the process.

    A task called `bad` is refused, `broken` is an error of programming, `deadly` kills its process, and `deadly once`
    does so the first time.
    """

    folder: Path

    def work(self) -> Work:
        """Return the function that does a task."""
        with (self.folder / f"built-{os.getpid()}").open("a") as file:
            file.write("built\n")
        return partial(do, self.folder)


def do(folder: Path, task: Task, advance: Advance) -> tuple[Task, int]:
    """Do a task as its name says."""
    name = " ".join(task)
    with (folder / f"task-{'-'.join(task).replace(' ', '-')}").open("a") as file:
        file.write(f"{os.getpid()}\n")
        file.flush()
    if task[-1] == "bad":
        raise InputError(f"{name}: is a bad file")
    if task[-1] == "broken":
        raise RuntimeError("a mistake")
    if task[-1] == "deadly" or (task[-1] == "deadly once" and not (folder / "killed").exists()):
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task[-1] == "slow":
        time.sleep(0.3)
    say(f"done: {name}")
    advance(2)
    return task, os.getpid()


def times_done(folder: Path) -> dict[str, int]:
    """Return how often each task was begun."""
    return {path.name: len(path.read_text().splitlines()) for path in folder.glob("task-*")}


@dataclass(frozen=True)
class Devices:
    """Returns which GPUs the process of a task sees, once all workers have built their methods.

    Attributes
    ----------
    folder
        Folder in which each worker leaves a file.
    workers
        Number of workers.
    """

    folder: Path
    workers: int

    def work(self) -> Work:
        """Return the function that does a task."""
        (self.folder / f"device-{os.getpid()}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
        return self._name

    def _name(self, task: Task, _advance: Advance) -> str:
        while len(list(self.folder.glob("device-*"))) < self.workers:
            time.sleep(0.01)
        if task[-1] == "deadly once" and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.environ.get("CUDA_VISIBLE_DEVICES", "none")
