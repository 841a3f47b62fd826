import sys

import pytest
from typer.testing import CliRunner

import recon.experiments
from recon.experiments.cli import app

BENCHMARKS = ("classical", "loading", "varnet", "serve", "memory", "launches", "details", "ablation")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_shows_an_example(name: str) -> None:
    assert f"recon benchmark {name}" in CliRunner().invoke(app, ["benchmark", name, "--help"]).output


def test_without_benchmarks_the_command_says_where_to_run_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("recon.experiments.benchmark")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(recon.experiments, "__path__", [])
    result = CliRunner().invoke(app, ["benchmark", "classical"])
    assert result.exit_code == 2
    assert "run them from a checkout" in " ".join(result.output.split())
