"""The benchmark that runs a script beside the command."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.experiments.benchmark.performance.door import door


def test_script_and_command_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    result = door("zero-filled", (2, 32, 32), 1, 1, tmp_path)
    assert result.script[0].cpu > result.import_recon[0].cpu > 0
    assert json.loads((tmp_path / "door.json").read_text())["result"]["command"] == [asdict(result.command[0])]


def test_every_run_is_told_in_seconds_and_over_the_bare_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    door("zero-filled", (2, 32, 32), 1, 1, tmp_path)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {" ".join(line[:2]) for line in lines} >= {"import torch", "import recon", "bare python"}
    torch, _ = (line for line in lines if line[:2] == ["import", "torch"])  # the table continues below itself
    _, python = (line for line in lines if line[:2] == ["bare", "python"])
    assert (torch[-3:], python[-3:]) == (["1.00", "±", "0.00"], ["1.00", "±", "0.00"])


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'zero-filled'"):
        door("zero-fild", (2, 32, 32), 1, 1, tmp_path)
