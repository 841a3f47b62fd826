"""The scan that ships is the real one up to rounding below its noise, small, and has its licence beside it."""

from pathlib import Path

import h5py
import numpy as np

from recon.data import sources
from recon.data.open import open_volume
from recon.data.sources.shipped import pack, shipped_brain, unpack
from recon.data.sources.table import SOURCES

FOLDER = Path(sources.__file__).parent


def test_it_is_opened_as_any_scan_and_has_its_licence(tmp_path: Path) -> None:
    path = shipped_brain(tmp_path / "scans")
    volume = open_volume(path)
    assert volume.shape == (1, 4, 256, 256)
    assert volume.read_target() is not None
    notice = path.with_suffix(".txt").read_text()
    assert "Permission is hereby granted" in notice
    assert "Knoll" in notice
    before = path.stat().st_mtime_ns
    assert shipped_brain(tmp_path / "scans").stat().st_mtime_ns == before


def test_it_is_small() -> None:
    assert (FOLDER / "brain_t2.bz2").stat().st_size < 400_000


def test_packing_rounds_by_half_a_step_at_most() -> None:
    rng = np.random.default_rng(0)
    kspace = (rng.standard_normal((1, 4, 256, 256)) + 1j * rng.standard_normal((1, 4, 256, 256))).astype(np.complex64)
    error = 0.01 * unpack(pack(kspace, 0.01)) - kspace
    assert max(np.abs(error.real).max(), np.abs(error.imag).max()) < 0.00501


def test_rounding_stays_far_below_the_noise(real_data: Path, tmp_path: Path) -> None:
    with h5py.File(real_data / "kspace" / SOURCES["brain-t2"].file) as file:
        known = file["kspace"][()]
    with h5py.File(shipped_brain(tmp_path)) as file:
        error = file["kspace"][()] - known
    images = open_volume(real_data / "kspace" / SOURCES["brain-t2"].file).read_target()
    air = np.sqrt(np.mean(images[0, :12, :12] ** 2) / (2 * len(known[0])))  # per component of a coil's noise
    assert error.real.std() < 0.25 * air
