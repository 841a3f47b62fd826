import sys

import pytest
from typer.testing import CliRunner

import recon.experiments
from recon.experiments.cli import app

BENCHMARKS = (
    "classical",
    "loading",
    "varnet",
    "serve",
    "memory",
    "launches",
    "details",
    "ablation",
    "denoising",
    "enlarging",
    "workers",
)


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


@pytest.mark.parametrize(
    ("sigmas", "message"),
    [("much", "'much' is not a number"), ("0.03,-1", "-1 is not a positive number"), ("", "no number")],
)
def test_a_noise_level_that_is_no_positive_number_is_refused(sigmas: str, message: str) -> None:
    result = CliRunner().invoke(app, ["benchmark", "denoising", "--sigmas", sigmas])
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
