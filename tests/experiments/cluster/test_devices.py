"""Each process gets a GPU of its own among those that the command sees; GPUs are counted, not used."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from helpers.programs.cluster_jobs import Devices
from recon.experiments.cluster.crew import gather
from recon.experiments.cluster.processes import Processes, visible_gpus

VISIBLE = "CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize(
    ("count", "named", "found"),
    [
        (0, None, ()),
        (1, None, ()),
        (1, "3", ()),
        (3, None, ("0", "1", "2")),
        (2, "5,GPU-8a7b,-1,6", ("5", "GPU-8a7b")),
    ],
)
def test_gpus_are_those_that_the_command_sees(
    monkeypatch: pytest.MonkeyPatch, count: int, named: str | None, found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv(VISIBLE, raising=False)
    if named is not None:
        monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == found


@pytest.mark.parametrize(("device", "gpus"), [("cuda", ("0", "1", "2", "3")), ("cpu", ())])
def test_workers_that_compute_on_gpus_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, gpus: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv(VISIBLE, raising=False)
    workers = gather(Devices(tmp_path, 2), workers=2, device=device).workers
    assert isinstance(workers, Processes)
    assert workers.gpus == gpus


def test_each_process_sees_one_gpu_and_a_new_one_that_of_the_dead(tmp_path: Path) -> None:
    tasks = [(f"file{number}", "deadly once" if number == 0 else "name") for number in range(8)]
    replies = dict(Processes(3, 3, ("4", "5", "7")).run(Devices(tmp_path, 3), tasks, lambda _: None))
    seen = [replies[index].result() for index in range(len(tasks))]
    assert set(seen) <= {"4", "5", "7"}
    assert (tmp_path / "killed").exists()
    started = Counter(path.read_text() for path in tmp_path.glob("device-*"))
    assert set(started) == {"4", "5", "7"}
    assert started.total() <= 4  # a new process may end before it has begun


def test_more_processes_than_gpus_take_them_in_turn() -> None:
    crew = Processes(4, 4, ("0", "1"))
    places = [crew.variables(place)[VISIBLE] for place in range(4)]
    assert places == ["0", "1", "0", "1"]
    assert VISIBLE not in Processes(2, 2).variables(0)
