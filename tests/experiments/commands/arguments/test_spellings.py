"""What a user may type: help, version, completion, both names of an option, and settings of a single method."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from recon.data.versions import own_version
from recon.experiments.report.scores.files import read_csv

Run = Callable[..., Result]


def test_the_version_is_printed(run_command: Run) -> None:
    assert run_command("--version").output == f"unrolled-recon {own_version()}\n"


@pytest.mark.parametrize("command", [(), ("info",), ("benchmark",), ("benchmark", "classical")])
def test_help_has_a_short_name(run_command: Run, command: tuple[str, ...]) -> None:
    assert "Usage" in run_command(*command, "-h").output


def test_completion_can_be_installed(run_command: Run) -> None:
    assert "--install-completion" in run_command("--help").output


@pytest.mark.parametrize("methods", ["--method", "--methods"])
@pytest.mark.parametrize("accelerations", ["--acceleration", "--accelerations"])
def test_options_are_accepted_in_singular_and_plural(
    run_command: Run, raw_file: Path, tmp_path: Path, methods: str, accelerations: str
) -> None:
    options = (methods, "zero-filled", accelerations, "4", "--output")
    run_command("reconstruct", raw_file, *options, tmp_path / "images")
    run_command("compare", raw_file, *options, tmp_path / "compared")
    assert [row.acceleration for row in read_csv(tmp_path / "compared" / "metrics.csv")] == [4]


def test_one_method_is_asked_for_where_a_command_takes_one(run_command: Run, raw_file: Path) -> None:
    options = ("--methods", "sense,grappa", "--output", "images")
    assert "this command takes one" in run_command("reconstruct", raw_file, *options, code=2).output


def test_a_single_method_need_not_be_named_by_its_settings(run_command: Run, raw_file: Path, tmp_path: Path) -> None:
    common = ("compare", raw_file, "--accelerations", "2", "--methods")
    for name, setting in (("bare", "iterations=1"), ("named", "sense.iterations=1"), ("usual", "iterations=30")):
        run_command(*common, "sense", "--set", setting, "--output", tmp_path / name)
    bare, named, usual = (read_csv(tmp_path / name / "metrics.csv")[0].psnr for name in ("bare", "named", "usual"))
    assert bare == named != usual
    several = run_command(*common, "sense,zero-filled", "--set", "lamda=3", "--output", tmp_path / "x", code=2)
    assert "does not begin with one of" in several.output


def test_missing_training_data_are_named_by_their_key(run_command: Run, tmp_path: Path) -> None:
    shipped = run_command("train", "varnet_small_cpu", code=2).output
    assert "data.train: there is no file or folder multicoil_train; give data.train=FOLDER" in " ".join(
        shipped.split()
    )
    (tmp_path / "there").mkdir()
    wrong = run_command("train", "varnet_small_cpu", "data.train=there", "data.val=nowhere", code=2).output
    assert "data.val: there is no file or folder nowhere" in " ".join(wrong.split())
