"""Fixtures for every test: real data where it is at hand, files made once."""

import os
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch loads; recon, which would set it, loads after it

import pytest
import torch
from hypothesis import settings

from helpers.raw_files import write_raw_file

torch.set_num_threads(1)  # many small operations: threads only get in each other's way
os.environ["OMP_NUM_THREADS"] = "1"  # nor do the programs that tests start have more
settings.register_profile("shared machine", deadline=None)  # a slow machine is not a defect
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real measurements."""
    folder = os.environ.get("RECON_DATA")
    if not folder:
        pytest.skip("the environment variable RECON_DATA does not name a folder of real measurements")
    return Path(folder)


@pytest.fixture
def raw_file(tmp_path: Path) -> Path:
    """Write a small fully sampled file."""
    return write_raw_file(tmp_path / "raw" / "discs.h5")
