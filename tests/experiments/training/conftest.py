"""Fixtures of the training tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.learned.training import fresh_accelerator, write_folders
from recon.experiments.training import train


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `train` and `val` of small volumes."""
    return write_folders(tmp_path_factory.mktemp("raw"))


@pytest.fixture(autouse=True)
def accelerator() -> Iterator[None]:
    """Let every test choose the device and precision of its runs."""
    with fresh_accelerator():
        yield


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the pictures of a validation, which take longer than a small epoch."""
    monkeypatch.setattr(train, "write_grid", lambda *_: None)
