"""Results are found again under the same protocol, and only there."""

import json
import os
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import h5py
import numpy as np
import pytest

from recon.contract import UncertaintyCalibration
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.storage import fingerprint
from recon.experiments.commands.raw_data.convert import convert
from recon.experiments.engine.results.store import StoredResult
from recon.experiments.engine.run import NOISE, UNCERTAINTY, Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.engine.tuning.best_weight import BestWeight
from recon.registry import create


@pytest.fixture
def stored(raw_file: Path, tmp_path: Path) -> StoredResult:
    runner = Runner("zero-filled", create("zero-filled"), uncertainty=UncertaintyCalibration(), noise=True)
    return StoredResult(SampledVolume(open_volume(raw_file)), runner, tmp_path / "out.h5")


def test_a_file_records_what_it_takes_to_verify_it_elsewhere(stored: StoredResult) -> None:
    stored.load_or_make(lambda: None)
    with h5py.File(stored.path) as file:
        assert file.attrs["masks"] == stored.scan.masks_sha256
        assert set(json.loads(file.attrs["machine"])) == {"processor", "instructions", "threads", "system"}
        assert (stored.path.parent / json.loads(file.attrs["source"])).samefile(stored.scan.volume.path)


def test_other_masks_have_other_hashes(stored: StoredResult) -> None:
    volume, kind = stored.scan.volume, MaskKind.RANDOM
    samplings = [Sampling(kind, 4, 0.2), Sampling(kind, 4, 0.2, seed=1), Sampling(kind, 2, 0.2), None]
    assert len({SampledVolume(volume, sampling).masks_sha256 for sampling in samplings}) == len(samplings)
    again = SampledVolume(volume, Sampling(kind, 4, 0.2)).masks_sha256
    assert again == SampledVolume(volume, samplings[0]).masks_sha256


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


@pytest.mark.parametrize(
    "attributes", [{"seconds": "soon"}, {"seconds": [1, 2]}, {"protocol": [1, 2]}, {"sha256": "0"}]
)
def test_a_result_that_was_tampered_with_is_made_again(stored: StoredResult, attributes: dict) -> None:
    stored.load_or_make(lambda: None)
    with h5py.File(stored.path, "r+") as file:
        file.attrs.update(attributes)
    assert stored.load() is None
    with h5py.File(stored.path, "r+") as file:
        del file.attrs["seconds"]
    assert stored.load() is None


def reopened(stored: StoredResult) -> StoredResult:
    return StoredResult(SampledVolume(open_volume(stored.scan.volume.path)), stored.runner, stored.path)


def test_input_of_the_same_size_and_time_makes_another_result(stored: StoredResult) -> None:
    stored.load_or_make(lambda: None)
    assert reopened(stored).load() is not None
    path = stored.scan.volume.path
    stat = path.stat()
    with h5py.File(path, "r+") as file:
        file["kspace"][1, 0, 3, 4] += 1
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    fingerprint._quick_sha256.cache_clear()  # another run begins
    assert reopened(stored).load() is None


def test_another_header_beside_the_samples_makes_another_result(stored: StoredResult, tmp_path: Path) -> None:
    convert(stored.scan.volume.path, tmp_path / "scan.cfl")
    paired = StoredResult(SampledVolume(open_volume(tmp_path / "scan.cfl")), stored.runner, tmp_path / "out.h5")
    paired.load_or_make(lambda: None)
    assert reopened(paired).load() is not None
    header = tmp_path / "scan.hdr"
    header.write_text(header.read_text() + "# Comment\n")
    assert reopened(paired).load() is None


def test_other_code_makes_another_result(stored: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.load_or_make(lambda: None)
    monkeypatch.setattr(fingerprint, "package_sha256", lambda: "another commit")
    assert reopened(stored).load() is None


PLUGIN = """
from dataclasses import dataclass
from recon.classical.zero_filled import ZeroFilled

@dataclass(frozen=True)
class Mine(ZeroFilled):
    pass
"""


def test_another_plugin_makes_another_result(stored: StoredResult, tmp_path: Path) -> None:
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    spec = spec_from_file_location("mine", path)
    sys.modules["mine"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    runner = replace(stored.runner, method=BestWeight(module.Mine()))
    before = replace(stored, runner=runner).protocol
    path.write_text(PLUGIN + "# better\n")
    assert replace(stored, runner=runner).protocol["code"] != before["code"]
