"""`recon convert` replaces no file of other content unless it is asked to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from helpers.files.raw_files import write_raw_file
from recon.experiments.cli import app


def convert(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.mark.parametrize("name", ["scan.h5", "scan.mrd", "scan.npy", "scan.npz", "scan.cfl", "scan.hdr"])
def test_files_of_other_content_are_kept(raw_file: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "out" / name.replace(".hdr", ".cfl")
    output.parent.mkdir()
    (tmp_path / "out" / name).write_text("mine")
    assert f"{name}: exists already and is different" in convert(raw_file, output, code=2).output.replace("\n", "")
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]
    convert(raw_file, output, "--overwrite")
    assert output.stat().st_size > 1000
    convert(raw_file, output)  # the same content again


@pytest.mark.parametrize("name", ["scan.h5", "scan.mrd", "scan.cfl"])
def test_files_of_this_program_are_replaced(raw_file: Path, tmp_path: Path, name: str) -> None:
    other = write_raw_file(tmp_path / "other.h5", slices=1)
    convert(other, tmp_path / name)
    before = (tmp_path / name).stat().st_size
    convert(raw_file, tmp_path / name)
    assert (tmp_path / name).stat().st_size > before


def test_half_of_a_pair_is_completed(raw_file: Path, tmp_path: Path) -> None:
    for half in (".cfl", ".hdr"):
        convert(raw_file, tmp_path / "scan.cfl")
        (tmp_path / "scan").with_suffix(half).unlink()
        convert(raw_file, tmp_path / "scan.cfl")
        assert (tmp_path / "scan").with_suffix(half).stat().st_size > 100


def test_the_input_is_never_replaced(raw_file: Path, tmp_path: Path) -> None:
    before = raw_file.read_bytes()
    convert(raw_file, tmp_path / "scan.cfl")
    for source, output in ((raw_file, raw_file), (tmp_path / "scan.cfl", tmp_path / "scan.cfl")):
        assert "is also the input" in convert(source, output, "--overwrite", code=2).output
    assert raw_file.read_bytes() == before
