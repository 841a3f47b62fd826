"""A second run says what it took over, what it replaced, and what takes long, also without a terminal."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def compare(run_command: Run, raw_file: Path, tmp_path: Path) -> Callable[..., str]:
    common = ("compare", raw_file, "--output", tmp_path / "compared", "--accelerations")
    return lambda accelerations, *options, code=0: run_command(*common, accelerations, *options, code=code).output


def test_each_result_is_reported_with_its_time_where_there_is_no_terminal(compare: Callable[..., str]) -> None:
    lines = compare("2,3", "--methods", "zero-filled,sense").splitlines()
    timed = [line for line in lines if re.fullmatch(r"discs\.h5, \dx equispaced_fraction, [a-z-]+: \d+\.\d s", line)]
    assert len(timed) == 4


def test_a_rerun_says_what_was_reused(compare: Callable[..., str]) -> None:
    first, second = (compare("2", "--methods", "zero-filled,sense") for _ in range(2))
    assert "before" not in first
    assert "sense: done before" in second
    assert "2 of 2 results were there before" in second
    third = compare("2", "--methods", "zero-filled,sense,grappa")
    assert "2 of 3 results were there before" in third
    assert "replaces" not in second + third


def test_a_run_that_replaces_the_table_of_another_says_so(compare: Callable[..., str]) -> None:
    compare("2", "--methods", "zero-filled,sense")
    fewer = compare("2", "--methods", "sense")
    assert "metrics.csv: replaces the table of another run, 1 row of which" in fewer
    assert "zero-filled 2x" in fewer
    changed = compare("2", "--methods", "sense", "--set", "iterations=1")
    assert "replaces the results of an earlier run in 1 row" in changed


def test_no_path_follows_a_failure_as_if_all_were_there(run_command: Run, raw_file: Path, tmp_path: Path) -> None:
    damaged = raw_file.parent / "damaged.h5"
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n")
    common = ("--method", "zero-filled", "--output")
    whole = run_command("reconstruct", raw_file, *common, tmp_path / "whole").output
    assert whole.splitlines()[-1] == f"reconstructions: {tmp_path / 'whole'}"
    partly = run_command("reconstruct", raw_file.parent, *common, tmp_path / "partly", code=2).output
    assert partly.splitlines()[-1].endswith("partly, without what failed above")
    (tmp_path / "blocked" / raw_file.name).mkdir(parents=True)
    nothing = run_command("reconstruct", raw_file, *common, tmp_path / "blocked", "--overwrite", code=2).output
    assert "reconstructions:" not in nothing


def test_evaluate_prints_the_spread_of_compare(run_command: Run, tmp_path: Path) -> None:
    run_command("simulate", tmp_path / "more", "--volumes", 2, "--slices", 1, "--coils", 3, "--size", "48x48")
    scans = tmp_path / "more"
    options = ("--acceleration", 4, "--output")
    run_command("reconstruct", scans, "--method", "zero-filled", *options, tmp_path / "images")
    compared = run_command(
        "compare", scans, "--method", "zero-filled", "--no-noise-floor", *options, tmp_path / "compared"
    ).output
    evaluated = run_command("evaluate", "--targets", scans, "--predictions", tmp_path / "images").output
    row = next(line for line in evaluated.splitlines() if "mean ± standard deviation" in line)
    ssim, psnr, nmse = re.findall(r"[\d.]+ ± [\d.]+", row)
    assert ssim in compared
    assert psnr in compared
    assert nmse in compared
