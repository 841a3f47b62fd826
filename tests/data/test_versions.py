import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from recon.data.versions import CHECKOUT, own_version, version_of


def test_versions_of_installed_and_missing_packages() -> None:
    assert version_of("numpy") == np.__version__
    assert version_of("no-such-package") == "not installed"


def test_a_checkout_that_is_not_installed_knows_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    written = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert own_version() == written
    monkeypatch.setattr("recon.data.versions.CHECKOUT", tmp_path)
    assert own_version() == "not installed"
