"""A command loads the packages that it uses and no others, because some take a second to import."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from helpers.files.raw_files import write_raw_file

SELDOM_USED = {
    "accelerate",
    "fastmri",
    "huggingface_hub",
    "jinja2",
    "matplotlib",
    "nibabel",
    "numba",
    "pandas",
    "PIL",
    "pydicom",
    "requests",
    "safetensors",
    "scipy",
    "sigpy",
    "skimage",
    "yaml",
}

CODE = """
import sys
from recon.experiments.cli import main
try:
    main()
finally:
    print("loaded:", *sys.modules)
"""


def loaded_by(*arguments: object) -> set[str]:
    """Return the names of the modules that a process has loaded when the command ends."""
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, found, names = done.stdout.rpartition("loaded:")
    assert found
    return set(names.split())


@pytest.mark.parametrize("arguments", [("--help",), ("reconstruct", "--help"), ("benchmark", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & (SELDOM_USED | {"torch", "numpy", "h5py"}) == set()


@pytest.mark.parametrize("sampled", ["fully", "partly"])
@pytest.mark.parametrize("name", ["scan.h5", "scan.mrd", "scan.npz", "scan.cfl"])
def test_info_reads_headers_without_torch(
    run_command: Callable[..., Result], tmp_path: Path, sampled: str, name: str
) -> None:
    mask = None if sampled == "fully" else np.arange(40) % 2 == 0
    source = write_raw_file(tmp_path / "raw" / "scan.h5", mask=mask)
    file = tmp_path / "converted" / name
    run_command("convert", source, file)
    assert loaded_by("info", file) & (SELDOM_USED | {"http.client", "psutil", "ssl", "torch"}) == set()


def test_a_method_is_run_without_the_packages_of_others(raw_file: Path, tmp_path: Path) -> None:
    modules = loaded_by("reconstruct", raw_file, "--method", "zero-filled", "--output", tmp_path / "images")
    assert modules & SELDOM_USED == set()
    assert {"torch", "recon.classical.zero_filled"} <= modules


def test_fastmri_is_loaded_to_draw_its_masks(raw_file: Path, tmp_path: Path) -> None:
    options = ("--method", "zero-filled", "--acceleration", 4, "--output", tmp_path / "images")
    assert "fastmri" in loaded_by("reconstruct", raw_file, *options)


def test_python_callers_load_torch_alone(raw_file: Path) -> None:
    code = f"import recon, sys; recon.reconstruct(recon.open({str(raw_file)!r}), 'zero-filled'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & SELDOM_USED == set()
