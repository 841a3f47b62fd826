"""Run the whole classical benchmark on a small slice."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recon.experiments.benchmark.classical.benchmark import PEERS
from recon.experiments.benchmark.classical.maps import ESTIMATES
from recon.experiments.cli import app

SMALL = ("--simulated", "4x56x48", "--masks", "equispaced:2", "--quick")


def benchmark(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["benchmark", "classical", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    benchmark(*SMALL, "--output", folder)
    return folder


def rows_of(output: Path) -> dict[str, dict]:
    (case,) = json.loads((output / "classical.json").read_text())["cases"]
    return {row["peer"]: row for row in case["rows"]}


@pytest.mark.slow
def test_every_peer_has_a_row_with_quality_seconds_and_memory(output: Path) -> None:
    rows = rows_of(output)
    assert list(rows) == [peer.name for peer in PEERS]
    for row in rows.values():
        if row["failure"] is None:
            assert 0 < row["consistent"]["ssim"] <= 1
            assert len(row["whole"]["wall"]) == 1
            assert row["memory"] >= 0


@pytest.mark.slow
def test_ours_and_sigpys_do_not_fail_and_beat_zero_filling(output: Path) -> None:
    (case,) = json.loads((output / "classical.json").read_text())["cases"]
    for row in case["rows"]:
        if row["peer"].startswith(("ours", "sigpy wavelet", "sigpy TV")):
            assert row["failure"] is None
            assert row["consistent"]["psnr"] > case["zero_filled"]["psnr"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "missing"),
    [("BART", shutil.which("bart") is None), ("pygrappa", find_spec("pygrappa") is None)],
)
def test_other_packages_take_part_or_are_reported_missing(output: Path, name: str, missing: bool) -> None:
    for peer, row in rows_of(output).items():
        if peer.startswith(name):
            assert (row["failure"] is not None) == missing


@pytest.mark.slow
def test_protocol_and_machine_are_recorded(output: Path) -> None:
    report = json.loads((output / "classical.json").read_text())
    assert report["protocol"]["masks"][0] == {
        "kind": "equispaced",
        "acceleration": 2.0,
        "center_fraction": 0.16,
        "seed": 0,
        "within": [1.0, 1.0],
        "steps": None,
        "seeding": "by the scan's name",
    }
    assert {"processor", "threads", "OMP_NUM_THREADS", "versions"} <= set(report["machine"])
    assert {"torch", "sigpy", "bart", "pygrappa"} <= set(report["machine"]["versions"])
    (case,) = report["cases"]
    assert [row["name"] for row in case["maps"]] == list(ESTIMATES)


@pytest.mark.slow
def test_a_finished_case_is_shown_again_without_being_measured_again(output: Path) -> None:
    before = (output / "classical.json").stat().st_mtime_ns
    assert "speed-up of our methods" in benchmark(*SMALL, "--output", output).output
    assert (output / "classical.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_results_of_another_protocol_are_not_mixed_in(output: Path) -> None:
    result = benchmark("--simulated", "4x56x48", "--masks", "random:2", "--output", output, code=2)
    assert "another protocol" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--simulated", "4x64"), "'64' is not of the form HxW"),
        (("--simulated", "x64x64"), "not of the form CxHxW"),
        (("--masks", "random"), "is not a number"),
        (("--masks", "spiral:4"), "unknown mask 'spiral'"),
        (("nowhere.h5",), "no such file"),
    ],
)
def test_wrong_arguments_are_reported_in_one_sentence(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in benchmark(*arguments, "--output", tmp_path, code=2).output
