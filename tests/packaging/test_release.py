"""What a release states in several places agrees, and `make demo` installs what a user needs."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changes = re.search(r"^## (\S+),", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert changes
    bibtex = re.search(r"version = \{(.*)\}", (ROOT / "docs" / "faq.md").read_text())
    assert bibtex
    assert {citation["version"], changes[1], bibtex[1]} == {PROJECT["version"]}
    assert citation["license"] == PROJECT["license"]


@pytest.fixture
def planned() -> Any:
    """Return a function that lists what make would run in a fresh checkout, without running it."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")

    def plan(*words: str) -> str:
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, name)
        return subprocess.run(
            [make, "--no-print-directory", "-n", *words], capture_output=True, text=True, check=True
        ).stdout

    return plan


def test_the_demo_is_installed_without_developers_tools_and_says_what_it_takes(planned: Any) -> None:
    lines = planned("demo").splitlines()
    assert re.search(r"\d GB .* minutes", lines[0])
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 1
    assert "'.[all]'" in installs[0]
    assert not [line for line in installs if "dev" in line or "--quiet" in line]
    assert lines[-1].endswith("recon demo --output demo")
    assert "'.[dev]'" in planned("test")


def test_torch_may_come_from_another_index(planned: Any) -> None:
    first, second = (line for line in planned("demo", "TORCH_INDEX=https://index/cpu").splitlines() if "pip" in line)
    assert first.endswith("--index-url https://index/cpu torch")
    assert "https://index" not in second


def test_container_and_environment_name_what_there_is() -> None:
    container = (ROOT / "Dockerfile").read_text()
    for copied in re.findall(r"^COPY (.*) \S+$", container, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split())
        assert all(f"!{name}" in (ROOT / ".dockerignore").read_text().splitlines() for name in copied.split())
    extras = re.findall(r"^ARG EXTRAS=(.*)$", container, re.MULTILINE)
    assert set(extras) <= set(PROJECT["optional-dependencies"])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    assert pip == ["--constraint constraints.txt", "--editable .[all]"]
    python = re.findall(r"ARG PYTHON=(.*)", container) + re.findall(r"python=(\S+)", str(environment))
    assert {f"Programming Language :: Python :: {version.rstrip(chr(39) + ',')}" for version in python} <= set(
        PROJECT["classifiers"]
    )
