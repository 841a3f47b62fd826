"""Methods of other packages are found by their entry point."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = '''
from dataclasses import dataclass

import recon


@recon.register("their-method")
@dataclass(frozen=True)
class TheirMethod(recon.Reconstruction):
    """The zero-filled image, brightened by a factor."""

    gain: float = 1.0

    def __call__(self, acquisition: recon.Acquisition):
        return self.gain * recon.method("zero-filled").reconstruction(acquisition)
'''

METADATA = "Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Install a package from outside, as pip lays it out, and return the environment that finds it."""
    site = tmp_path / "site"
    info = site / "their_package-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "their_package.py").write_text(PLUGIN)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text("[recon.methods]\ntheir-method = their_package\n")
    paths = filter(None, [str(site), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def run(environment: dict[str, str], *arguments: object) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plugin_is_found_by_name(environment: dict[str, str]) -> None:
    code = "import recon; print('their-method' in recon.methods(), recon.method('their-method', gain=2))"
    assert run(environment, "-c", code).startswith("True Method(name='their-method'")


def test_a_plugin_is_compared_like_ours(environment: dict[str, str], raw_file: Path, tmp_path: Path) -> None:
    methods = ("--methods", "zero-filled,their-method", "--set", "their-method.gain=1", "--accelerations", "4")
    run(environment, "-m", "recon", "compare", raw_file, *methods, "--output", tmp_path / "comparison")
    with (tmp_path / "comparison" / "metrics.csv").open() as file:
        scores = {row["method"]: row["ssim"] for row in csv.DictReader(file)}
    assert scores["their-method"] == scores["zero-filled"]


def test_a_plugin_that_cannot_be_imported_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "site" / "their_package.py").write_text("import no_such_package")
    code = "import recon\ntry: recon.method('their-method')\nexcept recon.InputError as error: print(error)"
    assert "the plugin 'their_package' of method 'their-method' cannot be imported" in run(environment, "-c", code)
