"""Results are found again under the same protocol, and only there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recon.contract import UncertaintyCalibration
from recon.data.masks import MaskKind, Sampling
from recon.data.open import open_volume
from recon.experiments.engine.run import NOISE, UNCERTAINTY, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.store import StoredResult
from recon.registry import create


@pytest.fixture
def stored(raw_file: Path, tmp_path: Path) -> StoredResult:
    runner = Runner("zero-filled", create("zero-filled"), uncertainty=UncertaintyCalibration(), noise=True)
    return StoredResult(SampledVolume(open_volume(raw_file)), runner, tmp_path / "out.h5")


def test_a_result_is_made_once_and_loaded_whole(stored: StoredResult) -> None:
    steps: list[None] = []
    made = stored.load_or_make(lambda: steps.append(None))
    assert list(made.maps) == [UNCERTAINTY, NOISE]
    modified = stored.path.stat().st_mtime_ns
    loaded = stored.load_or_make(lambda: steps.append(None))
    assert stored.path.stat().st_mtime_ns == modified
    assert len(steps) == 2 * len(stored.scan)
    assert loaded.seconds == made.seconds
    np.testing.assert_array_equal(loaded.images, made.images)
    for name, values in made.maps.items():
        np.testing.assert_array_equal(loaded.maps[name], values)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"method": create("sense")},
        {"uncertainty": None},
        {"uncertainty": UncertaintyCalibration(2.0)},
        {"noise": False},
    ],
    ids=",".join,
)
def test_another_runner_makes_another_result(stored: StoredResult, change: dict) -> None:
    stored.load_or_make(lambda: None)
    assert replace(stored, runner=replace(stored.runner, **change)).load() is None


def test_another_sampling_makes_another_result(stored: StoredResult) -> None:
    stored.load_or_make(lambda: None)
    sampling = Sampling(MaskKind.RANDOM, 2, 0.2)
    assert replace(stored, scan=replace(stored.scan, sampling=sampling)).load() is None
