"""Test BART's files, and the program if it is installed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon.data.errors import InputError
from recon.experiments.benchmark.classical import bart

needs_bart = pytest.mark.skipif(shutil.which("bart") is None, reason="there is no program `bart` on the PATH")


def random_array(*shape: int) -> bart.Complex:
    real, imaginary = np.random.default_rng(0).standard_normal((2, *shape), dtype=np.float32)
    return real + 1j * imaginary


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_a_written_array_is_read_back(tmp_path: Path, shape: list[int]) -> None:
    array = random_array(*shape)
    bart.write_cfl(tmp_path / "array", array)
    np.testing.assert_array_equal(bart.read_cfl(tmp_path / "array").reshape(shape), array)


@needs_bart
def test_bart_reads_and_writes_the_same_axes(tmp_path: Path) -> None:
    array = random_array(4, 3, 1, 2)
    bart.write_cfl(tmp_path / "array", array)
    bart.run("flip", "1", tmp_path / "array", tmp_path / "flipped")
    np.testing.assert_array_equal(bart.read_cfl(tmp_path / "flipped"), array[::-1])


@needs_bart
def test_errors_of_bart_are_quoted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bart flip: .*none"):
        bart.run("flip", "1", tmp_path / "none", tmp_path / "flipped")


def test_a_missing_bart_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="no program `bart`"):
        bart.run("version")


def test_missing_and_short_files_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pair of files"):
        bart.read_cfl(tmp_path / "none")
    bart.write_cfl(tmp_path / "array", random_array(4, 3))
    (tmp_path / "array.cfl").write_bytes(b"\0" * 80)
    with pytest.raises(InputError, match="10 samples do not fill"):
        bart.read_cfl(tmp_path / "array")


def test_a_workspace_is_deleted_with_its_last_reference() -> None:
    workspace = bart.Workspace()
    (workspace / "file").write_text("here")
    folder = workspace.folder
    del workspace
    assert not folder.exists()
