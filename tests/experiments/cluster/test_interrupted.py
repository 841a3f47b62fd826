"""What an interrupted run of two workers has finished, any other way of sharing the work takes over."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from helpers.comparison import table_without_times
from helpers.files.raw_files import write_raw_file
from helpers.programs.command import run
from recon.experiments.cluster.crew import Crew
from recon.experiments.cluster.job import Advance, Task, Work

COMPARE = (
    "compare",
    "scans",
    "--methods",
    "zero-filled,sense",
    "--accelerations",
    "4",
    "--center-fraction",
    "0.2",
    "--shown",
    "1",
    "--viewer",
    "0",
)
FINISHED = 2
"""Number of results after which the run is interrupted, of six."""

INTERRUPTED = 130


def interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be pressed after a number of results."""
    whole = Crew.run

    def run_and_stop(
        crew: Crew, work: Work, tasks: Sequence[Task], advance: Advance
    ) -> Iterator[tuple[int, Callable[[], Any]]]:
        yield from islice(whole(crew, work, tasks, advance), FINISHED)
        raise KeyboardInterrupt

    monkeypatch.setattr(Crew, "run", run_and_stop)


def by_part(output: Path) -> None:
    for part in ("2/2", "1/2"):
        run(*COMPARE, "--output", output, "--part", part)
    run(*COMPARE, "--output", output)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_on_a_cluster_or_in_parts(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write_raw_file(tmp_path / "scans" / f"scan{number}.h5")
    run(*COMPARE, "--output", "one")
    with monkeypatch.context() as patch:
        interrupt(patch)
        output = run(*COMPARE, "--output", "interrupted", "--workers", "2", code=INTERRUPTED).output
    assert "finished results are kept" in output
    assert len(list((tmp_path / "interrupted" / "reconstructions").rglob("*.h5"))) >= FINISHED
    ways: dict[str, Callable[[Path], Any]] = {
        "cluster": lambda output: run(*COMPARE, "--output", output, "--scheduler", address),
        "parts": by_part,
    }
    for name, go_on in ways.items():
        output = tmp_path / name
        shutil.copytree(tmp_path / "interrupted", output)  # keeps the times of files, by which results are known
        before = {path: path.stat().st_mtime_ns for path in (output / "reconstructions").rglob("*.h5")}
        go_on(output)
        assert {path: path.stat().st_mtime_ns for path in before} == before, name
        assert table_without_times(output) == table_without_times(tmp_path / "one"), name
