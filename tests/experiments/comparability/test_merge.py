"""Tables of one protocol become one table; those of different protocols do not."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest

from helpers.files.raw_files import write_raw_file
from helpers.programs.command import run
from recon.experiments.report.scores.files import read_csv


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "raw"
    write_raw_file(folder / "discs.h5", slices=1)
    return folder


def compare(raw: Path, output: Path, methods: str, *options: object) -> Path:
    plain = ("--methods", methods, "--accelerations", 2, "--shown", 0)
    run("compare", raw, *plain, *options, "--output", output)
    return output


@pytest.fixture(scope="module")
def zero_filled(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(raw, tmp_path_factory.mktemp("one") / "zero-filled", "zero-filled")


def test_tables_of_one_protocol_are_merged(raw: Path, zero_filled: Path, tmp_path: Path) -> None:
    sense = compare(raw, tmp_path / "sense", "sense")
    both = compare(raw, tmp_path / "both", "zero-filled,sense")
    assert "merged: " in run("verify", zero_filled, sense, "--merge", tmp_path / "merged").output

    def table(folder: Path) -> list[Any]:
        return [(row.method, row.ssim, row.psnr, row.detail_energy) for row in read_csv(folder / "metrics.csv")]

    assert table(tmp_path / "merged") == table(both)
    merged, together = (json.loads((one / "summary.json").read_text()) for one in (tmp_path / "merged", both))
    assert merged["protocol"] == together["protocol"]
    assert merged["merged from"] == ["zero-filled", "sense"]
    run("verify", zero_filled, sense, "--merge", tmp_path / "merged", code=2)  # nothing is replaced


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--mask", "random"), "masks"),
        (("--accelerations", 3), "accelerations"),
        (("--seed", 1), "seeds"),
        (("--center-fraction", 0.2), "center fractions"),
        (("--no-noise-floor",), "noise floor"),
        (("--preprocess", "virtual_coils=2"), "preprocessing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_of_different_protocols_are_refused(
    raw: Path, zero_filled: Path, tmp_path: Path, options: tuple[object, ...], named: str
) -> None:
    other = compare(raw, tmp_path / "sense", "sense", *options)
    output = " ".join(run("verify", zero_filled, other, "--merge", tmp_path / "merged", code=2).output.split())
    assert "different protocols" in output
    assert named in output
    assert not (tmp_path / "merged").exists()


def test_other_settings_versions_code_and_data_are_refused(raw: Path, zero_filled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"

    def refused(named: str) -> None:
        assert named in " ".join(run("verify", zero_filled, other, code=2).output.split())
        shutil.rmtree(other)

    def copy(rename: bool = True) -> Path:
        shutil.copytree(zero_filled, other)
        return next((other / "reconstructions").glob("*/*/*.h5"))

    def summary(**changes: Any) -> None:
        content = json.loads((other / "summary.json").read_text())
        for place, value in changes.items():
            content[place] |= value
        (other / "summary.json").write_text(json.dumps(content))

    copy()
    summary(versions={"torch": "1.0"})
    refused("torch")
    copy()
    content = json.loads((other / "summary.json").read_text())
    content["protocol"]["methods"]["zero-filled"]["scale"] = 2
    (other / "summary.json").write_text(json.dumps(content))
    refused("methods of zero-filled")
    for change in ({"code": "0" * 64}, {"inputs": [{"name": "discs.h5", "bytes": 1, "quick sha256": "0"}]}):
        path = copy()
        with h5py.File(path, "r+") as file:
            file.attrs["protocol"] = json.dumps(json.loads(file.attrs["protocol"]) | change)
        refused("source code" if "code" in change else "the raw data discs.h5")
    copy()
    refused("would count twice")
