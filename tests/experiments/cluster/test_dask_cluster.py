"""A Dask cluster does every task once, and those of a killed worker again."""

from pathlib import Path

import pytest

from helpers.comparison import table_without_times
from helpers.files.raw_files import write_raw_file
from helpers.programs.cluster_jobs import Trace, times_done
from helpers.programs.command import run
from recon.data.errors import InputError
from recon.experiments.cluster.dask_cluster import DaskCluster, Pulse
from recon.experiments.cluster.job import WorkerError

pytest.importorskip("dask.distributed", reason="the extra cluster is not installed")

TASKS = [(f"file{file}", f"method{method}") for file in range(6) for method in range(2)]


def test_every_task_is_done_once_and_slices_are_counted(address: str, tmp_path: Path) -> None:
    slices: list[int] = []
    replies = dict(DaskCluster(address).run(Trace(tmp_path), TASKS, slices.append))
    assert {index: reply.result()[0] for index, reply in replies.items()} == dict(enumerate(TASKS))
    assert set(times_done(tmp_path).values()) == {1}
    assert sum(slices) <= 2 * len(TASKS)  # the last message may come after the last reply
    assert len(list(tmp_path.glob("built-*"))) <= 2


def test_what_cannot_be_done_fails_alone_and_a_killed_worker_loses_nothing(address: str, tmp_path: Path) -> None:
    tasks = [("a", "bad"), ("b", "broken"), ("c", "deadly once"), *TASKS]
    replies = dict(DaskCluster(address).run(Trace(tmp_path), tasks, lambda _: None))
    with pytest.raises(InputError, match="a bad: is a bad file"):
        replies[0].result()
    with pytest.raises(WorkerError, match="RuntimeError: a mistake"):
        replies[1].result()
    assert [replies[index].result()[0] for index in range(2, len(tasks))] == tasks[2:]


@pytest.mark.slow
def test_a_comparison_on_a_cluster_gives_the_table_of_one_process(address: str, tmp_path: Path) -> None:
    write_raw_file(tmp_path / "scans" / "scan0.h5")
    write_raw_file(tmp_path / "scans" / "scan1.h5")
    words = ("compare", "scans", "--methods", "zero-filled,sense", "--accelerations", "4", "--center-fraction", "0.2")
    run(*words, "--output", "one")  # the folder of the test, which the workers do not run in
    run(*words, "--output", "cluster", "--scheduler", address)
    assert table_without_times(tmp_path / "cluster") == table_without_times(tmp_path / "one")


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.experiments.cluster.dask_cluster.ANSWER", 0.5)
    with pytest.raises(InputError, match=r"tcp://127.0.0.1:1: no Dask scheduler answers there"):
        list(DaskCluster("tcp://127.0.0.1:1").run(Trace(Path()), TASKS, lambda _: None))


def test_progress_is_sent_now_and_then_and_nothing_is_lost() -> None:
    sent: list[int] = []
    pulse = Pulse(sent.append)
    for _ in range(100):
        pulse(1)
    pulse.send()
    assert sum(sent) == 100
    assert len(sent) < 20
