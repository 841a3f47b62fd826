"""Checks that lines on one side of the centre of k-space are not taken for a scan, whatever the format."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from helpers.files.raw_files import write_raw_file
from helpers.scans.slices import random_kspace
from recon.data.errors import InputError
from recon.data.open import open_volume

READOUT, PHASE = 16, 24
KSPACE = random_kspace(3, READOUT, PHASE).numpy()

Write = Callable[[Path, np.ndarray], Path]


def npy(folder: Path, mask: np.ndarray) -> Path:
    np.save(folder / "scan.npy", KSPACE * mask)
    return folder / "scan.npy"


def npz(folder: Path, mask: np.ndarray) -> Path:
    np.savez(folder / "scan.npz", kspace=KSPACE, mask=mask)
    return folder / "scan.npz"


def mat(folder: Path, mask: np.ndarray) -> Path:
    scipy.io.savemat(folder / "scan.mat", {"kspace": (KSPACE * mask).transpose(1, 2, 0)})
    return folder / "scan.mat"


def bart(folder: Path, mask: np.ndarray) -> Path:
    (KSPACE * mask).transpose(0, 2, 1).tofile(folder / "scan.cfl")
    (folder / "scan.hdr").write_text(f"# Dimensions\n{READOUT} {PHASE} 1 3\n")
    return folder / "scan.cfl"


def fastmri(folder: Path, mask: np.ndarray) -> Path:
    return write_raw_file(folder / "scan.h5", matrix=(READOUT, PHASE), mask=mask, target=False)


@pytest.mark.parametrize("write", [npy, npz, mat, bart, fastmri], ids=lambda write: write.__name__)
@pytest.mark.parametrize("upper", [False, True])
def test_one_half_of_kspace_is_refused(tmp_path: Path, write: Write, upper: bool) -> None:
    half = (np.arange(PHASE) >= PHASE // 2) == upper
    with pytest.raises(InputError, match="all lie on one side of the centre"):
        open_volume(write(tmp_path, half)).read(0)


@pytest.mark.parametrize("write", [npy, npz, mat, bart, fastmri], ids=lambda write: write.__name__)
@pytest.mark.parametrize("upper", [False, True])
def test_a_line_beyond_the_centre_is_enough(tmp_path: Path, write: Write, upper: bool) -> None:
    lines = np.arange(PHASE)
    mask = lines >= PHASE // 2 - 1 if upper else lines <= PHASE // 2 + 1
    read = open_volume(write(tmp_path, mask)).read(0)
    np.testing.assert_array_equal(read.mask, mask)
