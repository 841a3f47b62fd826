"""Methods, stages and configurations are listed and explained."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from recon.registry import method_names, setting_names, stage_names

Run = Callable[..., Result]


def test_every_method_and_every_stage_is_listed(run_command: Run) -> None:
    words = run_command("methods").output.split()
    assert {*method_names(), *(f"+{name}" for name in stage_names())} <= set(words)


@pytest.mark.parametrize("name", ["sense", "cs-wavelet", "sense+gain", "gain", "+gain"])
def test_a_method_is_explained_with_its_settings(run_command: Run, name: str) -> None:
    lines = run_command("methods", name).output.splitlines()
    assert lines[0].startswith(f"{name}: ")
    settings = [line.split("=")[0].strip() for line in lines if line.startswith("  ") and not line.startswith("   ")]
    if "+" not in name and name != "gain":
        assert settings == setting_names(name)


def test_an_unknown_method_is_refused_with_the_nearest(run_command: Run) -> None:
    assert "did you mean 'sense'" in run_command("methods", "senze", code=2).output


def test_methods_of_a_plugin_are_listed(run_command: Run, tmp_path: Path) -> None:
    plugin = tmp_path / "own.py"
    plugin.write_text(
        "from dataclasses import dataclass\n"
        "from recon.classical.zero_filled import ZeroFilled\n"
        "from recon.registry import register\n\n\n"
        '@register("own-listed")\n@dataclass(frozen=True)\nclass Own(ZeroFilled):\n    """Does as zero-filled."""\n'
    )
    assert "Does as zero-filled." in run_command("methods", "--plugin", plugin).output


def test_every_configuration_is_listed_and_printed_as_it_is(run_command: Run) -> None:
    names = [file.name for file in files("recon.experiments.configs").iterdir() if file.name.endswith(".yaml")]
    listed = run_command("configs").output.split()
    assert {name.removesuffix(".yaml") for name in names} <= set(listed)
    shown = run_command("configs", "varnet_small_cpu").output
    assert yaml.safe_load(shown)["output"] == "varnet_small_cpu"
    assert "no such config" in run_command("configs", "nothing", code=2).output
