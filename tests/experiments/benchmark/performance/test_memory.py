"""Measure the peak memory of a small reconstruction."""

import json
from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.experiments.benchmark.performance.memory import CONFIGS, METHODS_AND_NETWORKS, memory
from recon.models.zoo import NETWORKS
from recon.registry import create, method_names


def test_every_method_and_network_takes_part() -> None:
    assert set(CONFIGS) <= set(NETWORKS)
    assert set(METHODS_AND_NETWORKS) == (
        {name for name in method_names() if create(name).slab is None} | set(NETWORKS)
    )


@pytest.mark.slow
def test_a_reconstruction_is_measured_in_a_separate_process(tmp_path: Path) -> None:
    rows = memory(["modl"], [1], (2, 32, 32), tmp_path)
    assert [(row.method, row.slices) for row in rows] == [("modl", 1)]
    assert 2**27 < rows[0].peak < 2**31
    assert json.loads((tmp_path / "memory.json").read_text())["rows"][0]["peak"] == rows[0].peak


def test_an_unknown_method_is_rejected_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown method 'sens'; did you mean"):
        memory(["zero-filled", "sens"], [1], (2, 32, 32), tmp_path)
