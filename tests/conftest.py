"""Shared fixtures: a folder of its own for every test, real data if the environment names it, small files."""

import os
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch loads; recon, which would set it, loads after it

import pytest
import torch
from hypothesis import settings

from helpers.files.raw_files import write_raw_file

torch.set_num_threads(1)  # many small operations: threads only get in each other's way
os.environ["OMP_NUM_THREADS"] = "1"  # nor do the programs that tests start have more
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ.setdefault("MPLCONFIGDIR", str(USER_CACHE / "matplotlib"))  # its list of fonts takes seconds to make
if "RECON_DATA" in os.environ:  # tests leave the folder it may be relative to
    os.environ["RECON_DATA"] = str(Path(os.environ["RECON_DATA"]).resolve())
settings.register_profile("shared machine", deadline=None)  # a slow machine is not a defect
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder and with an empty cache: files of the checkout or the user cannot matter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real measurements."""
    folder = os.environ.get("RECON_DATA")
    if not folder:
        pytest.skip("the environment variable RECON_DATA does not name a folder of real measurements")
    return Path(folder)


@pytest.fixture
def raw_file(tmp_path: Path) -> Path:
    """Write a small fully sampled file."""
    return write_raw_file(tmp_path / "raw" / "discs.h5")
