"""The package holds a label, a Dockerfile that carries it, and a root directory that runs where it lies."""

import base64
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from helpers.programs.command import run
from recon.data.versions import own_version

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openrecon") / "package"
    run("openrecon", "build", folder, "--methods", "sense,sense+gain", "--vendor", "site", "--name", "gain")
    return folder


def application(package: Path) -> Path:
    return package / "root" / "opt" / "recon"


def test_the_image_carries_the_label(package: Path) -> None:
    text = (package / "Dockerfile").read_text()
    ((key, label),) = re.findall(r'^LABEL "(\S+)"="(\S+)"$', text, re.MULTILINE)
    assert key == "com.siemens-healthineers.magneticresonance.openrecon.metadata:1.1.0"
    stored = json.loads((package / "OpenReconLabel.json").read_text())
    assert json.loads(base64.b64decode(label)) == stored
    assert stored["general"]["id"] == "gain"
    assert stored["general"]["version"] == own_version()
    for copied in re.findall(r"^COPY (\S+) ", text, re.MULTILINE):
        assert (package / copied).exists()
    assert f"EXPOSE {stored['reconstruction']['port']}" in text


def test_the_image_installs_all_that_the_core_needs(package: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    needed = {re.split(r"[^\w-]", line)[0] for line in declared}
    lines = (application(package) / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in lines} == needed
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)


@pytest.mark.slow
def test_the_entry_runs_the_copy_beside_it(package: Path) -> None:
    entry = application(package) / "openrecon"
    assert entry.stat().st_mode & 0o111 == 0o111
    assert "serve --host 0.0.0.0 --port 9002 --expose --method sense" in entry.read_text()
    shown = (
        "import recon.experiments.server.session as s, recon.data.versions as v; print(s.__file__, v.own_version())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", shown],
        env={"PYTHONPATH": str(application(package))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        str(application(package) / "recon" / "experiments" / "server" / "session.py"), own_version()
    ]  # fmt: skip
    assert not [path for path in package.rglob("*") if path.is_symlink()]


def test_parameters_are_listed_from_a_label(package: Path) -> None:
    assert (
        "gainStrength: double, default 1.0" in run("openrecon", "parameters", package / "OpenReconLabel.json").output
    )
    label = package.with_name("label.json")
    label.write_text("{}")
    assert "breaks the schema at general" in run("openrecon", "parameters", label, code=2).output


def test_a_package_is_replaced_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    weights = tmp_path / "my weights.safetensors"
    weights.write_bytes(b"weights")
    build = ("openrecon", "build", tmp_path / "package", "--methods", "varnet")
    run(*build)
    old = tmp_path / "package" / "root" / "old"
    old.touch()
    run(*build, "--checkpoint", weights)
    assert not old.exists()
    assert (application(tmp_path / "package") / "weights" / weights.name).read_bytes() == b"weights"
    assert (
        "--checkpoint \"$here\"/weights/'my weights.safetensors'"
        in (application(tmp_path / "package") / "openrecon").read_text()
    )
    assert "no OpenRecon package" in run("openrecon", "build", tmp_path, code=2).output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my weights.safetensors", "package"]
    assert "no such file" in run(*build, "--checkpoint", tmp_path / "none", code=2).output


@pytest.mark.parametrize("name", ["two words", "", "a/b", "-a"])
def test_names_that_no_image_can_have_are_refused(tmp_path: Path, name: str) -> None:
    assert "is no name of an image" in run("openrecon", "build", tmp_path / "out", f"--name={name}", code=2).output
    assert not (tmp_path / "out").exists()
