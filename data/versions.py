"""Returns the versions of installed packages, and of this one even if it runs from a checkout."""

from __future__ import annotations

import platform
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

OURS = "unrolled-recon"
CHECKOUT = Path(__file__).resolve().parents[1]

PACKAGES = (
    OURS,
    "torch",
    "numpy",
    "scipy",
    "numba",
    "fastmri",
    "scikit-image",
    "sigpy",
    "PyWavelets",
    "h5py",
)
"""Packages that numbers depend on."""


def version_of(package: str) -> str:
    """Return the version of a package, or "not installed"; that of this one is in the checkout if nowhere else."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        project = CHECKOUT / "pyproject.toml"
        if package == OURS and project.is_file():
            return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
        return "not installed"


def own_version() -> str:
    """Return the version of this package."""
    return version_of(OURS)


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers depend on."""
    return {"python": platform.python_version()} | {package: version_of(package) for package in PACKAGES}
