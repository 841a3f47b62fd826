"""Every command works on small files as a new user runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import huggingface_hub
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from helpers.files.raw_files import edit, write_raw_file
from helpers.learned.weights import ship
from recon.experiments.cli import app
from recon.experiments.report.scores.files import read_csv

Run = Callable[..., Result]


@pytest.fixture
def run(run_command: Run) -> Run:
    return run_command


def test_sigterm_while_writing_leaves_no_partial_file(raw_file: Path, tmp_path: Path) -> None:
    code = """
import os, signal, sys
from recon.experiments.cli import main
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGTERM)  # comes when all is written and nothing is renamed
main()
"""
    output = tmp_path / "images"
    command = [sys.executable, "-c", code, "reconstruct", raw_file, "--method", "zero-filled", "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 143
    assert done.stderr == "error: terminated; finished results are kept\n"
    assert {path.name for path in output.iterdir()} <= {raw_file.name}
    again = subprocess.run([sys.executable, "-m", "recon", *command[3:]], capture_output=True, text=True, check=True)
    assert "done before" in again.stdout or "2 slices" in again.stdout


def test_a_reader_who_leaves_gets_no_error_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        command = [sys.executable, "-m", "recon", "methods"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("name", ["n" * 243, "bad\udcff", "escape\x1b[31m", "new\nline", "\u00fc" * 120])
def test_any_name_of_a_file_is_reconstructed_and_compared(
    run: Run, raw_file: Path, tmp_path: Path, name: str
) -> None:
    scan = tmp_path / "scans" / f"{name}.h5"
    scan.parent.mkdir()
    shutil.copy(raw_file, scan)
    outputs = [
        run("info", scan),
        run(
            "reconstruct",
            scan,
            "--method",
            "zero-filled",
            "--format",
            "h5,png,nifti,dicom",
            "--output",
            tmp_path / "a",
        ),
        run("compare", scan.parent, "--methods", "zero-filled", "--output", tmp_path / "b"),
    ]
    assert all("\x1b" not in result.output for result in outputs)


@pytest.mark.parametrize(
    "arguments", [["info"], ["info", "--"], ["--"], [""], ["reconstruct", "a", "--method"], ["train", "epochs="]]
)
def test_a_wrong_argument_is_quoted_without_control_characters_and_not_at_length(arguments: list[str]) -> None:
    *first, last = arguments
    for hostile in (f"{last}\x1b[31m", f"{last}{'x' * 100_000}"):
        result = CliRunner().invoke(app, [*first, hostile])
        assert result.exit_code == 2
        assert "\x1b" not in result.output
        assert len(result.output) < 5000


@pytest.mark.parametrize(
    "command",
    [
        *("simulate", "info", "reconstruct", "compare", "evaluate", "submit", "train", "weights", "calibrate"),
        *("serve", "send", "demo"),
    ],
)
def test_every_command_shows_an_example(run: Run, command: str) -> None:
    assert f"Example: recon {command}" in run(command, "--help").output


@pytest.mark.parametrize("command", ["compare", "reconstruct", "tune", "serve", "benchmark serve"])
def test_every_command_that_runs_methods_takes_plugins(run: Run, command: str) -> None:
    assert "--plugin" in run(*command.split(), "--help").output


def test_simulate_then_info(run: Run, tmp_path: Path) -> None:
    run("simulate", tmp_path / "sim", "--volumes", 2, "--slices", 1, "--coils", 3, "--size", "48x40", "--seed", 5)
    output = run("info", tmp_path / "sim").output
    assert output.count("48 x 40") >= 2
    assert "fully sampled" in output


def test_simulate_repeats_bit_for_bit(run: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        run("simulate", tmp_path / folder, "--volumes", 1, "--slices", 1, "--coils", 2, "--size", "48x40")
    first, second = (next((tmp_path / folder).iterdir()) for folder in ("a", "b"))
    with h5py.File(first) as one, h5py.File(second) as two:
        np.testing.assert_array_equal(one["kspace"], two["kspace"])


@pytest.mark.parametrize("size", ["48", "48x", "axb", "48x40x2"])
def test_a_wrong_size_is_an_error(run: Run, tmp_path: Path, size: str) -> None:
    assert "is not of the form HxW" in run("simulate", tmp_path, "--size", size, code=2).output


def test_reconstruct_writes_the_submission_layout_once(run: Run, raw_file: Path, tmp_path: Path) -> None:
    command = ("reconstruct", raw_file, "--method", "sense", "--acceleration", 3, "--output", tmp_path / "out")
    assert "2 slices in" in run(*command).output
    with h5py.File(tmp_path / "out" / "discs.h5") as file:
        assert file["reconstruction"].shape == (2, 48, 40)
        assert file["reconstruction"].dtype == np.float32
    assert "done before" in run(*command).output
    assert "2 slices in" in run(*command, "--set", "lamda=0.1").output


def test_reconstruct_does_not_undersample_a_prospective_scan(run: Run, tmp_path: Path) -> None:
    mask = (np.arange(40) % 2 == 0) | (abs(np.arange(40) - 20) < 6)
    path = write_raw_file(tmp_path / "scan.h5", mask=mask, target=False)
    run("reconstruct", path, "--method", "grappa", "--acceleration", 8, "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "scan.h5") as file:
        assert '"sampling": null' in file.attrs["protocol"]


def test_a_bad_file_is_reported_and_the_others_are_reconstructed(run: Run, raw_file: Path, tmp_path: Path) -> None:
    (raw_file.parent / "broken.h5").write_bytes(b"nothing")
    result = run("reconstruct", raw_file.parent, "--method", "zero-filled", "--output", tmp_path / "out", code=2)
    assert "broken.h5: the file is not HDF5" in re.sub(r"\s+", " ", result.output)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["discs.h5"]
    assert "reconstructions: " in result.output


def test_no_folder_is_named_where_nothing_was_reconstructed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    output = ("--output", tmp_path / "out")
    result = run("reconstruct", tmp_path / "broken.h5", "--method", "zero-filled", *output, code=2)
    assert "reconstructions: " not in result.output


PROTOCOL = ("--accelerations", "2,3", "--mask", "equispaced", "--center-fraction", 0.2)

DIES_AFTER_THREE = """
import os, sys
from recon.experiments.cli import main
from recon.experiments.engine.results.store import StoredResult

run, left = StoredResult.run, [3]

def run_three(self, *arguments):
    left[0] -= 1
    return run(self, *arguments) if left[0] >= 0 else os._exit(9)

StoredResult.run = run_three
sys.argv = sys.argv[1:]
main()
"""


def compare(run: Run, *arguments: object, code: int = 0) -> Result:
    return run("compare", *arguments, *PROTOCOL, code=code)


def test_compare_writes_scores_summary_report_and_figures(run: Run, raw_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    compare(run, raw_file, "--methods", "zero-filled,grappa", "--output", output)
    rows = read_csv(output / "metrics.csv")
    assert [(row.method, row.acceleration) for row in rows] == [
        (method, acceleration) for acceleration in (2, 3) for method in ("zero-filled", "grappa")
    ]
    assert all(row.ssim > 0.5 and row.slices == 2 and row.mask == "equispaced" for row in rows)
    assert json.loads((output / "summary.json").read_text())["protocol"]["methods"]["grappa"]["neighbours"] == 4
    assert "Research use only" in (output / "report.html").read_text()
    assert len(list((output / "figures").glob("*.png"))) == 2


def test_compare_combines_several_masks_and_seeds(run: Run, raw_file: Path, tmp_path: Path) -> None:
    options = (
        "--methods",
        "zero-filled,sense",
        "--mask",
        "random,equispaced",
        "--seed",
        "0,1",
        "--accelerations",
        "3",
    )
    run("compare", raw_file, *options, "--output", tmp_path / "out")
    rows = read_csv(tmp_path / "out" / "metrics.csv")
    assert [(row.mask, row.seed) for row in rows[::2]] == [
        (mask, seed) for mask in ("random", "equispaced") for seed in (0, 1)
    ]
    assert rows[1].ssim != rows[3].ssim
    groups = json.loads((tmp_path / "out" / "summary.json").read_text())["groups"]
    assert [(group["mask"], group["seeds"]) for group in groups] == 2 * [("equispaced", [0, 1])] + 2 * [
        ("random", [0, 1])
    ]
    assert len(list((tmp_path / "out" / "figures").glob("*.png"))) == 2


@pytest.mark.slow
def test_an_oracle_runs_beside_its_method_where_there_is_a_target(run: Run, raw_file: Path, tmp_path: Path) -> None:
    write_raw_file(raw_file.with_name("untargeted.h5"), target=False)
    tuned = tmp_path / "tuned.yaml"
    tuned.write_text("settings: [{contrast: DISCS, acceleration: 3, methods: {sense: {lamda: 0.5, iterations: 3}}}]")
    methods = ("--methods", "sense,zero-filled", "--oracle", "sense")
    command = (raw_file.parent, *methods, "--settings", tuned, "--uncertainty")
    compare(run, *command, "--output", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    (lead, _) = summary["lead over the best oracle"]["rows"]
    assert (lead["method"], lead["scans"], lead["psnr"]["scan"]) == (
        "zero-filled",
        "discs",
        "discs.h5 equispaced seed 0",
    )
    assert lead["psnr"]["worst"] < 0
    rows = {(row.file, row.method): row for row in read_csv(tmp_path / "out" / "metrics.csv")}
    assert {name for name, _ in rows} == {"discs.h5", "untargeted.h5"}
    assert ("untargeted.h5", "sense-oracle") not in rows
    assert rows["discs.h5", "sense-oracle"].psnr > rows["discs.h5", "sense"].psnr + 1
    made, _ = (tmp_path / "out").rglob("sense-oracle/discs.h5")
    with h5py.File(made) as file:
        assert "uncertainty" not in file
        assert json.loads(file.attrs["protocol"])["settings"]["method"]["iterations"] == 3
    before = made.stat().st_mtime_ns
    compare(run, *command, "--output", tmp_path / "out")
    assert made.stat().st_mtime_ns == before


def test_a_damaged_result_is_made_again(run: Run, raw_file: Path, tmp_path: Path) -> None:
    command = (raw_file, "--methods", "zero-filled", "--output", tmp_path / "out")
    compare(run, *command)
    first = (tmp_path / "out" / "metrics.csv").read_text()
    for path in (tmp_path / "out").rglob("discs.h5"):
        path.write_bytes(path.read_bytes()[:500])
    compare(run, *command)
    assert [row.ssim for row in read_csv(tmp_path / "out" / "metrics.csv")] == [
        float(line.split(",")[7]) for line in first.splitlines()[1:]
    ]


def test_a_damaged_prospective_scan_does_not_prevent_the_report(run: Run, raw_file: Path, tmp_path: Path) -> None:
    mask = np.arange(40) % 2 == 0
    mask[14:26] = True
    bad = write_raw_file(raw_file.with_name("bad.h5"), mask=mask, target=False)
    with h5py.File(bad, "r+") as file:
        file["kspace"][0, 0, 0, 0] = np.nan
    compare(run, raw_file.parent, "--methods", "zero-filled", "--output", tmp_path / "out", code=2)
    assert "discs.h5" in (tmp_path / "out" / "report.html").read_text()


def test_a_file_without_target_is_shown_but_not_scored(run: Run, raw_file: Path, tmp_path: Path) -> None:
    edit(raw_file, reconstruction_rss=None)
    compare(run, raw_file, "--methods", "zero-filled", "--output", tmp_path / "out")
    assert not any(row.scored for row in read_csv(tmp_path / "out" / "metrics.csv"))
    assert list((tmp_path / "out" / "figures").glob("*.png"))


def test_a_file_that_is_not_finite_is_reported_once_and_the_others_are_compared(
    run: Run, raw_file: Path, tmp_path: Path
) -> None:
    bad = write_raw_file(raw_file.with_name("bad.h5"))
    with h5py.File(bad, "r+") as file:
        file["kspace"][0, 0, 0, 0] = np.nan
    result = compare(run, raw_file.parent, "--methods", "zero-filled,grappa", "--output", tmp_path / "out", code=2)
    assert result.output.count("holds NaN or Inf") == 1
    assert {row.file for row in read_csv(tmp_path / "out" / "metrics.csv")} == {"discs.h5"}


@pytest.mark.slow
def test_a_killed_comparison_continues_where_it_stopped(run: Run, raw_file: Path, tmp_path: Path) -> None:
    second = write_raw_file(raw_file.with_name("second.h5"), slices=1)
    output = tmp_path / "out"
    arguments = [raw_file.parent, "--methods", "zero-filled,sense", "--output", output]
    command = [str(word) for word in ("recon", "compare", *arguments, *PROTOCOL)]
    assert subprocess.run([sys.executable, "-c", DIES_AFTER_THREE, *command], check=False).returncode == 9
    finished = {path: path.stat().st_mtime_ns for path in output.rglob("*.h5")}
    assert len(finished) == 3
    assert len(read_csv(output / "metrics.csv")) == 3
    compare(run, *arguments)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len(read_csv(output / "metrics.csv")) == 8
    assert second.name in (output / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--methods", "senze"), "did you mean 'sense'"),
        (("--methods", "sense,cs-tv", "--set", "lamda=1"), "does not begin with one of sense, cs-tv"),
        (("--methods", "sense", "--set", "sense.lamda"), "not of the form key=value"),
        (("--methods", "sense", "--accelerations", "fast"), "'fast' is not a number"),
        (("--methods", "sense", "--mask", "radial"), "unknown mask 'radial'"),
        (("--methods", "sense", "--mask", "random@2"), "not of the form KIND@RxP"),
        (("--methods", "sense", "--mask", "random@0.5x2"), "factors of 1 or more"),
        (("--methods", "sense", "--mask", "center@2x2"), "the acceleration alone decides"),
        (("--methods", "sense", "--mask", "center", "--accelerations", "0.5"), "acceleration 0.5 is not"),
        (("--methods", "sense", "--mask", ","), "no mask was given"),
        (("--methods", "sense", "--seed", "0,-1"), "'-1' is not a whole number"),
        (("--methods", "sense", "--seed", "4294967296"), "is not between 0 and 2^32"),
        (("--methods", "sense,cs-tv", "--oracle", "cs-vt"), "did you mean 'cs-tv'"),
        (("--methods", "zero-filled", "--oracle", "zero-filled"), "has no setting lamda"),
        (("--methods", "sense", "--device", "tpu"), "unknown device"),
        (("--methods", "varnet", "--checkpoint", "none.pt"), "no such checkpoint"),
        (("--methods", ","), "no method was given"),
    ],
)
def test_wrong_options_are_an_error_of_one_sentence(
    run: Run, raw_file: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = run("compare", raw_file, *arguments, "--output", tmp_path / "out", code=2)
    assert words in result.output
    assert not (tmp_path / "out").exists()


def test_the_shipped_weights_are_used_without_any_flag_and_by_name(
    run: Run, raw_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, tmp_path / "weights")
    run("reconstruct", raw_file, "--output", tmp_path / "out")
    with h5py.File(tmp_path / "out" / "discs.h5") as file:
        protocol = json.loads(file.attrs["protocol"])
    assert protocol["method"] == "varnet"
    assert protocol["settings"]["checkpoint"] == "varnet-general.safetensors"
    named = run("reconstruct", raw_file, "--checkpoint", "varnet-general", "--output", tmp_path / "out")
    assert "done before" in named.output
    assert "varnet-general" in run("weights").output


def test_an_unreachable_hub_is_an_error_of_one_sentence(
    run: Run, raw_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(repository: str, file: str) -> str:
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    result = run(
        "reconstruct", raw_file, "--checkpoint", "owner/net:weights.pt", "--output", tmp_path / "out", code=2
    )
    assert "cannot be downloaded from the Hugging Face Hub (no network)" in re.sub(r"\s+", " ", result.output)


def test_evaluate_gives_perfect_scores_to_the_targets(run: Run, raw_file: Path, tmp_path: Path) -> None:
    with h5py.File(raw_file) as file, h5py.File(tmp_path / "discs.h5", "w") as prediction:
        prediction["reconstruction"] = file["reconstruction_rss"][()]
    assert "1.0000" in run("evaluate", "--targets", raw_file.parent, "--predictions", tmp_path).output


def test_evaluate_names_a_missing_prediction(run: Run, raw_file: Path, tmp_path: Path) -> None:
    result = run("evaluate", "--targets", raw_file.parent, "--predictions", tmp_path / "none", code=2)
    assert "no such file" in re.sub(r"\s+", " ", result.output)
