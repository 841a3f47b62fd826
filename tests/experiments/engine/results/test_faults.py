"""After any fault, the same command leaves the files of a run without one, and calls no wrong or half file done."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from helpers.files.faults import FAULTS, Faults
from helpers.files.raw_files import write_raw_file
from helpers.learned.weights import write_weights
from recon.data.acquisition import Header
from recon.experiments.cli import app
from recon.experiments.report.scores.files import read_csv

Command = Callable[..., Any]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    header = Header((16, 12), (0, 12), contrast="DISCS")
    return write_raw_file(tmp_path / "raw" / "scan.h5", slices=2, coils=2, matrix=(16, 12), header=header)


def command(*arguments: object) -> Command:
    return lambda: CliRunner().invoke(app, [str(argument) for argument in arguments])


def content(path: Path) -> Any:
    """Read a file without times and random identifiers."""
    if path.suffix in {".json", ".csv"}:
        return record(path)
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return {name: np.asarray(file[name][()]).tobytes() for name in file}, file.attrs.get("protocol")
    if path.suffix == ".dcm":
        dicom = pydicom.dcmread(path)
        return dicom.pixel_array.tobytes(), dicom.RescaleSlope
    if path.name == "report.html" or path.parent.name == "figures":
        return path.stat().st_size > 100  # they show times
    return path.read_bytes()


def record(path: Path) -> Any:
    """Read a table or a record without times and random identifiers."""
    if path.name == "metrics.csv":
        return [asdict(score) | {"seconds": 0} for score in read_csv(path)]
    if ".scores" in path.parts:
        outcome = json.loads(path.read_text())["outcome"]
        return outcome | {"score": outcome["score"] | {"seconds": 0}}
    if path.name == "scan.json":
        kept = json.loads(path.read_text())
        return kept["protocol"], {name for name, complete in kept["files"].items() if complete}
    if path.name == "summary.json":
        return path.stat().st_size > 100
    return path.read_bytes()


def contents(folder: Path) -> dict[str, Any]:
    """Read all files, hidden ones as well."""
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_survives(
    faults: Faults, folder: Path, run: Command, earlier: Command | None = None, step: int = 1
) -> None:
    """Let every operation of a command fail in turn, and run it, or an earlier command, again.

    Parameters
    ----------
    faults
        What lets operations fail.
    folder
        Folder of the files that both commands write.
    run
        The command.
    earlier
        A command that wrote to the folder before; the files it leaves after the fault must also be its own.
    step
        Number of operations from one that fails to the next.
    """
    spare = folder.with_name("spare")

    def restore(source: Path, target: Path) -> None:
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(source, target)

    def finish(again: Command) -> Any:
        result = faults.run(again)
        assert result.exit_code == 0, result.output + repr(result.exception)
        return contents(folder)

    folder.mkdir(exist_ok=True)
    before = contents(folder) if earlier is None else finish(earlier)
    restore(folder, spare)
    after = finish(run)
    assert after != before
    operations = faults.count
    assert operations >= 3
    own = set(after) - set(before)
    for fault in FAULTS:
        for number in range(0, operations, step):
            restore(spare, folder)
            result = faults.run(run, number, fault)
            assert result is None or result.exit_code in {0, 2}, result.output + repr(result.exception)
            if result is not None and result.exit_code == 0:
                assert contents(folder) == after, (fault, number)
            left = folder.with_name("left")
            restore(folder, left)
            assert finish(run) == after, (fault, number)
            if earlier is not None and fault == "kill":
                restore(left, folder)
                found = finish(earlier)
                assert {name: found[name] for name in before} == before, (fault, number)
                assert set(found) - set(before) <= own, (fault, number)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


@pytest.mark.slow
def test_reconstruct(faults: Faults, raw: Path, tmp_path: Path) -> None:
    def at(acceleration: int, formats: str) -> Command:
        options = ("--method", "zero-filled", "--mask", "equispaced", "--acceleration", acceleration)
        return command("reconstruct", raw, *options, "--format", formats, "-o", tmp_path / "out")

    assert_survives(faults, tmp_path / "out", at(2, "nifti,dicom"), at(4, "nifti"))
    shutil.rmtree(tmp_path / "out")
    assert_survives(faults, tmp_path / "out", at(2, "h5,png"), at(4, "h5,nifti"), step=3)


@pytest.mark.slow
def test_compare(faults: Faults, raw: Path, tmp_path: Path) -> None:
    def with_seed(seed: int) -> Command:
        options = ("--methods", "zero-filled", "--accelerations", 2, "--mask", "random", "--seed", seed)
        return command("compare", raw, *options, "-o", tmp_path / "out")

    assert_survives(faults, tmp_path / "out", with_seed(1), step=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scan.cfl", "scan.h5"])
def test_convert(faults: Faults, raw: Path, tmp_path: Path, name: str) -> None:
    assert_survives(faults, tmp_path / "out", command("convert", raw, tmp_path / "out" / name))


@pytest.mark.slow
def test_convert_over_other_files(faults: Faults, raw: Path, tmp_path: Path) -> None:
    other = write_raw_file(tmp_path / "other.h5", slices=1, coils=1)
    output = tmp_path / "out" / "scan.cfl"
    first, second = (command("convert", source, output, "--overwrite") for source in (other, raw))
    assert_survives(faults, tmp_path / "out", second, first, step=2)


@pytest.mark.slow
def test_tune(faults: Faults, raw: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "tuned.yaml"
    options = ("--accelerations", 2, "--mask", "random", "--slices", 1, "-o", output)
    assert_survives(faults, tmp_path / "out", command("tune", raw, "--methods", "grappa", *options))


@pytest.mark.slow
def test_calibrate(faults: Faults, raw: Path, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "out" / "weights.safetensors", "modl")
    assert_survives(faults, tmp_path / "out", command("calibrate", weights, raw, "--masks", "random:2"))


def test_the_image_of_another_acceleration_is_not_called_done(raw: Path, tmp_path: Path) -> None:
    """Run 4x to NIfTI, then 2x to NIfTI and DICOM where DICOM fails, then 4x again: the image must be that of 4x."""

    def at(acceleration: int, formats: str) -> Command:
        options = ("--method", "zero-filled", "--mask", "equispaced", "--acceleration", acceleration)
        return command("reconstruct", raw, *options, "--format", formats, "-o", tmp_path / "out")

    assert at(4, "nifti")().exit_code == 0
    image = (tmp_path / "out" / "scan.nii.gz").read_bytes()
    (tmp_path / "out" / "scan_dicom").write_text("is in the way of a folder")
    assert at(2, "nifti,dicom")().exit_code == 2
    assert (tmp_path / "out" / "scan.nii.gz").read_bytes() != image
    again = at(4, "nifti")()
    assert again.exit_code == 0
    assert "done before" not in again.output
    assert (tmp_path / "out" / "scan.nii.gz").read_bytes() == image
