"""The wheel, built from the checkout and from the source archive, installed beside a user's own modules."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from recon.experiments.report.scores.files import read_csv

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = ("recon", "data", "models", "experiments")
NAME = "unrolled_recon"


@dataclass(frozen=True)
class Environment:
    """A fresh environment that holds our wheel; its dependencies are those of the running one.

    Attributes
    ----------
    root
        Its folder.
    site
        Where it keeps packages.
    """

    root: Path
    site: Path

    def run(self, program: str, *arguments: object) -> str:
        """Run a program of the environment in the working folder, with `PYTHONPATH=.`, and return what it prints."""
        command = [str(self.root / "bin" / program), *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": "."}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def build(kind: str, source: Path, output: Path) -> Path:
    """Build a `wheel` or an `sdist` as pip does, but with the setuptools that is installed."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(output)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
    return output / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what is built from, links as links, without what earlier builds left."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    root = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    install = ("install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "--python", root / "bin" / "python", *install, wheel], check=True)
    (site,) = root.glob("lib/python*/site-packages")
    # Behind the wheel on the path; an editable install of ours in it does not count, as its own .pth is not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Environment(root, site)


@pytest.fixture
def users_modules() -> None:
    """Write modules of the user that are called as our folders are into the working folder."""
    Path("data.py").write_text("OWN = 'data'\n")
    for name in ("models", "experiments"):
        Path(name).mkdir()
        Path(name, "x.py").write_text(f"OWN = '{name}'\n")  # no __init__.py


def test_one_name_is_installed_and_every_file_is_real(checkout: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        members = [member for member in archive.infolist() if f"{NAME}-" not in member.filename]
    assert {member.filename.partition("/")[0] for member in members} == {"recon"}
    links = [member.filename for member in members if member.external_attr >> 16 & 0o170000 == 0o120000]
    assert not links
    sources = [
        path.relative_to(checkout) for name in FOLDERS for path in (checkout / name).rglob("*") if path.is_file()
    ]
    paths = {path if path.parts[0] == "recon" else "recon" / path for path in sources}
    expected = {path for path in paths if not path.is_relative_to("recon/experiments/benchmark")}
    assert {Path(member.filename) for member in members} == expected


def test_the_source_archive_builds_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", checkout, tmp_path)
    subprocess.run(
        [shutil.which("tar") or "tar", "--extract", "--file", archive, "--directory", tmp_path], check=True
    )
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    again = build("wheel", source, tmp_path)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {member.filename: member.CRC for member in first.infolist() if "RECORD" not in member.filename} == {
            member.filename: member.CRC for member in second.infolist() if "RECORD" not in member.filename
        }


@pytest.mark.usefixtures("users_modules")
def test_the_users_modules_and_ours_are_imported_side_by_side(environment: Environment) -> None:
    code = """
import data, models.x, experiments.x
import recon, recon.models.zoo, recon.experiments.cli
from recon.data.acquisition import Acquisition
print(data.OWN, models.x.OWN, experiments.x.OWN, recon.__file__)
"""
    *own, file = environment.run("python", "-c", code).split()
    assert own == ["data", "models", "experiments"]
    assert Path(file) == environment.site / "recon" / "__init__.py"


@pytest.mark.usefixtures("users_modules")
def test_commands_run_beside_the_users_modules(environment: Environment, tmp_path: Path) -> None:
    code = """
import torch
from recon.experiments.commands.images import demo
demo.VOLUMES, demo.SLICES, demo.COILS, demo.SIZE, demo.METHODS = 1, 1, 4, (48, 96), ("sense", "varnet")
demo.demo(demo.Path("demo"), torch.device("cpu"))
"""
    assert "report.html" in environment.run("python", "-c", code)
    rows = read_csv(tmp_path / "demo" / "comparison" / "metrics.csv")
    assert "varnet" in {row.method for row in rows}
    assert (tmp_path / "demo" / "comparison" / "report.html").is_file()
    assert "48 x 96" in environment.run("recon", "info", "demo/raw")
