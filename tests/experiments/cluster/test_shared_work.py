"""Processes and runs of parts give the results of one process, bit for bit."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import psutil
import pytest
from typer.testing import Result

from helpers.comparison import table_without_times
from helpers.files.raw_files import write_raw_file
from recon.data.storage.hdf5 import open_hdf5
from recon.experiments.engine.tuning.settings import read_tuned

Run = Callable[..., Result]

COMPARE = ("--methods", "zero-filled,sense", "--accelerations", "4", "--center-fraction", "0.2", "--shown", "1")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Write four small files."""
    folder = tmp_path / "scans"
    first = write_raw_file(folder / "scan0.h5")
    for number in range(1, 4):
        shutil.copy(first, folder / f"scan{number}.h5")
    return folder


def images(folder: Path) -> dict[str, bytes]:
    """Read all images below a folder."""
    found = {}
    for path in sorted(folder.rglob("*.h5")):
        with open_hdf5(path) as file:
            found[str(path.relative_to(folder))] = file["reconstruction"][()].tobytes()
    return found


@pytest.fixture
def compared(run_command: Run, scans: Path, tmp_path: Path) -> Path:
    """Compare in one process."""
    run_command("compare", scans, *COMPARE, "--output", tmp_path / "one")
    return tmp_path / "one"


@pytest.mark.slow
def test_processes_and_parts_give_the_table_of_one_process(
    run_command: Run, scans: Path, compared: Path, tmp_path: Path
) -> None:
    run_command("compare", scans, *COMPARE, "--output", tmp_path / "two", "--workers", "2")
    for part in ("3/3", "1/3", "2/3"):
        run_command("compare", scans, *COMPARE, "--output", tmp_path / "parts", "--part", part)
        assert not (tmp_path / "parts" / "metrics.csv").exists()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts" / "reconstructions").rglob("*.h5")}
    run_command("compare", scans, *COMPARE, "--output", tmp_path / "parts")
    assert before == {path: path.stat().st_mtime_ns for path in before}
    for folder in ("two", "parts"):
        assert table_without_times(tmp_path / folder) == table_without_times(compared)
        assert images(tmp_path / folder) == images(compared)
        assert (tmp_path / folder / "report.html").is_file()


def test_more_parts_than_files_share_the_methods(
    run_command: Run, scans: Path, compared: Path, tmp_path: Path
) -> None:
    for part in range(1, 6):
        run_command("compare", scans, *COMPARE, "--output", tmp_path / "parts", "--part", f"{part}/5")
    run_command("compare", scans, *COMPARE, "--output", tmp_path / "parts")
    assert table_without_times(tmp_path / "parts") == table_without_times(compared)


def test_scores_are_made_anew_after_a_result_has_changed(run_command: Run, scans: Path, compared: Path) -> None:
    expected = table_without_times(compared)
    result = next((compared / "reconstructions").rglob("*.h5"))
    with h5py.File(result, "r+") as file:
        file["reconstruction"][...] = 0
    run_command("compare", scans, *COMPARE, "--output", compared)
    assert table_without_times(compared) == expected


@pytest.mark.slow
def test_a_bad_file_fails_alone_in_a_worker(run_command: Run, scans: Path, tmp_path: Path) -> None:
    (scans / "bad.h5").write_bytes(b"no data")
    result = run_command(
        "reconstruct", scans, "--method", "sense", "--output", tmp_path / "two", "--workers", "2", code=2
    )
    assert result.output.count("bad.h5") == 1
    assert len(images(tmp_path / "two")) == 4
    run_command("reconstruct", scans, "--method", "sense", "--output", tmp_path / "one", code=2)
    assert images(tmp_path / "two") == images(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_worker_or_ctrl_c_loses_nothing(
    run_command: Run, scans: Path, compared: Path, tmp_path: Path, number: signal.Signals
) -> None:
    output = tmp_path / "killed"
    words = ["compare", str(scans), *COMPARE, "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    handled = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs deaf to it
    with subprocess.Popen(
        [sys.executable, "-m", "recon", *words, "--workers", "2"], env=environment, start_new_session=True
    ) as program:
        signal.signal(signal.SIGINT, handled)
        while not list(output.rglob("*.h5")):
            assert program.poll() is None
            time.sleep(0.01)
        children = psutil.Process(program.pid).children(recursive=True)
        workers = [child for child in children if "spawn_main" in "".join(child.cmdline())]
        if number == signal.SIGKILL:
            workers[0].kill()
        else:
            os.killpg(program.pid, signal.SIGINT)
        code = program.wait()
    assert code == (0 if number == signal.SIGKILL else 130)
    run_command(*words)  # goes on, with another number of workers
    assert table_without_times(output) == table_without_times(compared)
    assert images(output) == images(compared)
    assert not list(output.rglob("*.part"))


def test_parts_of_tuning_are_one_tuning(run_command: Run, scans: Path, tmp_path: Path) -> None:
    words = ("tune", scans, "--methods", "sense,cs-wavelet", "--accelerations", "2", "--slices", "1", "--output")
    run_command(*words, tmp_path / "one.yaml")
    for part in ("2/2", "1/2"):
        run_command(*words, tmp_path / "parts.yaml", "--part", part)
    run_command(*words, tmp_path / "parts.yaml")
    assert read_tuned(tmp_path / "parts.yaml") == read_tuned(tmp_path / "one.yaml")
    assert (tmp_path / "parts.yaml").read_text() == (tmp_path / "one.yaml").read_text()


def test_a_folder_is_converted_in_parts(run_command: Run, scans: Path, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        run_command("convert", scans, tmp_path / "arrays", "--to", "npy", "--part", part)
    assert {path.name for path in (tmp_path / "arrays").iterdir()} == {f"scan{number}.npy" for number in range(4)}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--workers", "2", "--scheduler", "tcp://a:1"), "drop one"),
        (("--part", "5/4"), "is not of the form k/N"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    run_command: Run, scans: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    result = run_command("compare", scans, *COMPARE, "--output", tmp_path / "out", *options, code=2)
    assert sentence in result.output


def test_one_file_cannot_be_shared(run_command: Run, scans: Path, tmp_path: Path) -> None:
    result = run_command("convert", scans / "scan0.h5", tmp_path / "scan.npy", "--workers", "2", code=2)
    assert "is one file, which cannot be shared" in result.output
