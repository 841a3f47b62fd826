"""The benchmark of workers measures what it says, on a few small volumes."""

import json
from pathlib import Path

import pytest

from recon.experiments.benchmark.performance.workers import Pauses, Run, WorkersBenchmark, cluster_run, workers


@pytest.mark.slow
def test_runs_with_every_setting_are_measured(tmp_path: Path) -> None:
    runs = workers(WorkersBenchmark(("zero-filled",), ((1, 1), (2, 1)), 4, 1, (2, 32, 32), 1), tmp_path)
    assert [(run.processes, run.threads) for run in runs] == [(1, 1), (2, 1)]
    for run in runs:
        assert run.seconds > 0
        assert run.cpu_seconds > 0
        assert run.mebibytes > 50  # Python with torch
    rows = json.loads((tmp_path / "workers.json").read_text())["rows"]
    assert [Run(**row) for row in rows] == runs


def test_a_pause_answers_with_the_name_of_its_task() -> None:
    slices: list[int] = []
    assert Pauses(0.0).work()(("scan",), slices.append) == "scan"
    assert slices == [1]


@pytest.mark.slow
def test_a_simulated_cluster_is_measured() -> None:
    pytest.importorskip("dask.distributed", reason="the extra cluster is not installed")
    found = cluster_run(WorkersBenchmark((), (), tasks=20, pause=0.01, cluster=2))
    assert found.seconds > 0.1
    assert 0 < found.overhead < 1
    assert found.last_mebibytes > 0
