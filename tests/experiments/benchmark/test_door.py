"""The benchmark that runs a script beside the command."""

import json
from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.experiments.benchmark.door import door


def test_script_and_command_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    result = door("zero-filled", (2, 32, 32), 1, 1, tmp_path)
    assert result.script[0] > result.import_recon[0] > 0
    assert json.loads((tmp_path / "door.json").read_text())["result"]["command"] == result.command


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'zero-filled'"):
        door("zero-fild", (2, 32, 32), 1, 1, tmp_path)
