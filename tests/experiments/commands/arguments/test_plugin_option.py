"""`--plugin` loads methods from a user's own Python file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import recon.registry
from recon.experiments.report.scores.files import read_csv

Run = Callable[..., Result]


@pytest.fixture
def run(run_command: Run) -> Run:
    return run_command


PLUGIN = '''
from dataclasses import dataclass

from torch import Tensor

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition
from recon.registry import create, register


@register("brighter")
@dataclass(frozen=True)
class Brighter(Reconstruction):
    """The zero-filled image times a factor."""

    factor: float = 2.0

    def __call__(self, acquisition: Acquisition) -> Tensor:
        return self.factor * create("zero-filled")(acquisition)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    recon.registry.method_names()  # our own methods register once, and not in the copy that is dropped
    methods = recon.registry._methods
    monkeypatch.setattr(methods, "registered", dict(methods.registered))
    path = tmp_path / "my_method.py"
    path.write_text(PLUGIN)
    return path


def test_compare_takes_a_method_from_a_plugin(run: Run, raw_file: Path, plugin: Path, tmp_path: Path) -> None:
    methods = ("--plugin", plugin, "--methods", "zero-filled,brighter", "--set", "brighter.factor=1")
    run("compare", raw_file, *methods, "--accelerations", 3, "--output", tmp_path / "out")
    ours, theirs = read_csv(tmp_path / "out" / "metrics.csv")
    assert (ours.method, theirs.method) == ("zero-filled", "brighter")
    assert ours.ssim == theirs.ssim > 0.5
    protocol = json.loads((tmp_path / "out" / "summary.json").read_text())["protocol"]
    assert protocol["methods"]["brighter"] == {"factor": 1.0}


def test_reconstruct_takes_a_method_from_a_plugin(run: Run, raw_file: Path, plugin: Path, tmp_path: Path) -> None:
    run("reconstruct", raw_file, "--plugin", plugin, "--method", "brighter", "--output", tmp_path / "out")
    assert (tmp_path / "out" / "discs.h5").is_file()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not a Python file"),
        ("", "registers no method"),
        ("import os\n1 / 0\n", "line 2: the plugin cannot be loaded: ZeroDivisionError: division by zero"),
        ("x = 1\nif x\n", "line 2: the plugin cannot be loaded: SyntaxError: expected ':'"),
        ("import no_such_module", "line 1: the plugin cannot be loaded: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "line 1: the plugin cannot be loaded: SystemExit: 3"),
        (PLUGIN.replace('"brighter"', '"sense"'), "the name belongs to recon.classical.sense.Sense already"),
        (PLUGIN.replace("(Reconstruction)", ""), "is not a class derived from recon.contract.Reconstruction"),
    ],
)
def test_a_bad_plugin_is_an_error_of_one_sentence(
    run: Run, raw_file: Path, plugin: Path, tmp_path: Path, text: str | None, words: str
) -> None:
    plugin.unlink() if text is None else plugin.write_text(text)
    command = ("--plugin", plugin, "--methods", "zero-filled", "--output", tmp_path / "out")
    result = run("compare", raw_file, *command, code=2)
    assert words in result.output
    assert result.output.count("\n") == 1
    assert "brighter" not in recon.registry._methods.registered


def test_a_plugin_is_loaded_once(run: Run, raw_file: Path, plugin: Path, tmp_path: Path) -> None:
    plugins = ("--plugin", plugin, "--plugin", plugin.parent / "." / plugin.name)
    run("reconstruct", raw_file, *plugins, "--method", "brighter", "--output", tmp_path / "out")
    again = run("reconstruct", raw_file, *plugins, "--method", "brighter", "--output", tmp_path / "out")
    assert "done before" in again.output
