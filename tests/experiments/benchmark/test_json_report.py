"""Checks that benchmarks replace their own reports only, and say so before they measure."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from recon.data.errors import InputError
from recon.experiments.benchmark.json_report import check_report
from recon.experiments.benchmark.loading.benchmark import LoadingBenchmark, loading
from recon.experiments.benchmark.performance.door import door
from recon.experiments.benchmark.performance.memory import memory
from recon.experiments.benchmark.performance.serving import ServingBenchmark, serving
from recon.registry import create

BENCHMARKS = {
    "loading": lambda output: loading([], LoadingBenchmark((0,), 1, 1, cold=False), output),
    "memory": lambda output: memory(["sense"], [1], (2, 32, 32), output),
    "door": lambda output: door("sense", (2, 32, 32), 1, 1, output),
    "serving": lambda output: serving(
        "zero-filled", create("zero-filled"), torch.device("cpu"), ServingBenchmark((1,), (2, 32, 32), 1, 1), output
    ),
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_file_of_another_program_is_refused_and_kept(tmp_path: Path, name: str) -> None:
    measure: Callable[[Path], object] = BENCHMARKS[name]
    path = tmp_path / f"{name}.json"
    path.write_text('{"mine": 1}')
    with pytest.raises(InputError, match="is no report of a benchmark; give another --output"):
        measure(tmp_path)
    assert path.read_text() == '{"mine": 1}'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "door.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no report"):
        check_report(path)


def test_an_earlier_report_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "door.json"
    check_report(path)
    path.write_text('{"protocol": {}, "machine": {}, "rows": []}')
    check_report(path)
