"""Processes do every task once; those of a dead one are done again, and a bad one fails alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from helpers.programs.cluster_jobs import Trace, times_done
from recon.data.errors import InputError
from recon.experiments.cluster.job import Reply, Task, WorkerError
from recon.experiments.cluster.processes import TRIES, Processes

TASKS = [(f"file{file}", f"method{method}") for file in range(4) for method in range(2)]


def run(folder: Path, tasks: Sequence[Task], count: int = 2) -> tuple[dict[int, Reply], int]:
    slices: list[int] = []
    replies = list(Processes(count, 2).run(Trace(folder), tasks, slices.append))
    assert len(replies) == len(dict(replies)) == len(tasks)
    return dict(replies), sum(slices)


def test_every_task_is_done_once_and_the_slices_of_all_workers_count(tmp_path: Path) -> None:
    replies, slices = run(tmp_path, TASKS)
    assert {index: replies[index].result()[0] for index in replies} == dict(enumerate(TASKS))
    assert set(times_done(tmp_path).values()) == {1}
    assert slices == 2 * len(TASKS)
    assert all((False, f"done: {' '.join(TASKS[index])}") in reply.printed for index, reply in replies.items())
    built = [path.read_text() for path in tmp_path.glob("built-*")]
    assert built == ["built\n"] * len(built)
    assert len(built) <= 2


def test_the_task_of_a_killed_worker_is_done_again(tmp_path: Path) -> None:
    tasks = [*TASKS[:3], ("file", "deadly once"), *TASKS[4:]]
    replies, _ = run(tmp_path, tasks)
    assert [replies[index].result()[0] for index in range(len(tasks))] == tasks
    assert sorted(times_done(tmp_path).values()) == [1] * (len(tasks) - 1) + [2]


def test_what_cannot_be_done_fails_alone(tmp_path: Path) -> None:
    tasks = [("a", "bad"), ("b", "deadly"), ("c", "broken"), ("d", "good"), ("e", "good")]
    replies, _ = run(tmp_path, tasks)
    with pytest.raises(InputError, match="a bad: is a bad file"):
        replies[0].result()
    with pytest.raises(InputError, match=f"b: {TRIES} workers were killed at it"):
        replies[1].result()
    with pytest.raises(WorkerError, match="RuntimeError: a mistake"):
        replies[2].result()
    assert [replies[index].result()[0] for index in (3, 4)] == tasks[3:]
    assert times_done(tmp_path)["task-b-deadly"] == TRIES


def test_no_process_is_left_when_the_caller_stops(tmp_path: Path) -> None:
    others = set(psutil.Process().children(recursive=True))  # such as one that other tests keep to open files
    with closing(Processes(2, 2).run(Trace(tmp_path), [(str(n), "slow") for n in range(9)], print)) as replies:
        next(replies)
        workers = set(psutil.Process().children(recursive=True)) - others
    assert len(workers) >= 2
    assert not any(worker.is_running() and "spawn_main" in "".join(worker.cmdline()) for worker in workers)


class Unbuildable(Trace):
    """A job whose methods cannot be built."""

    def work(self) -> None:
        """Refuse."""
        raise InputError("no such weights")


def test_a_worker_that_cannot_begin_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such weights"):
        list(Processes(2, 2).run(Unbuildable(tmp_path), TASKS, print))


PROGRAM = """
import sys
from pathlib import Path
from helpers.programs.cluster_jobs import Trace
from recon.experiments.cluster.processes import Processes
if __name__ == "__main__":
    tasks = [(str(number), "slow") for number in range(50)]
    for _ in Processes(2, 2).run(Trace(Path(sys.argv[1])), tasks, lambda _: None):
        print("done", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_program(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, script, tmp_path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        children = psutil.Process(program.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in "".join(child.cmdline())]
        assert len(workers) == 2
        os.killpg(program.pid, number) if number == signal.SIGINT else program.send_signal(number)
        program.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
