"""Measure a server with eight simultaneous clients."""

import json
from pathlib import Path

import pytest
import torch

from recon.experiments.benchmark.performance.serving import ServingBenchmark, serving
from recon.registry import create


@pytest.mark.slow
def test_eight_simultaneous_clients_get_all_their_images(tmp_path: Path) -> None:
    benchmark = ServingBenchmark(clients=(1, 8), shape=(4, 96, 96), slices=3, repeats=2, latency=3)
    rows = serving("sense", create("sense"), torch.device("cpu"), benchmark, tmp_path)
    assert [(row.clients, row.slices) for row in rows] == [(1, 3), (8, 24)]
    report = json.loads((tmp_path / "serving.json").read_text())
    assert report["protocol"]["method"] == "sense"
    assert all(seconds > 0 for row in report["rows"] for seconds in row["seconds"])
    assert [(row["clients"], row["slices"]) for row in report["mixed"]] == [(1, 24), (8, 24)]
    pair = [report["latency"][name] for name in ("server", "seconds")]
    assert len(report["latency"]["seconds"]) == len(report["latency"]["server"]) == 3
    assert all(0 <= inside <= whole for inside, whole in zip(*pair, strict=True))
