"""3-D scans that are no set of 2-D problems are refused with the reason and a program that takes them."""

import re
from pathlib import Path

import numpy as np
import pytest

from helpers.files import ismrmrd_files
from helpers.scans.volumes import header_3d, kspace_3d, object_3d
from recon.data.errors import InputError
from recon.data.open import open_volume

MATRIX = (16, 12, 10)


def write_cfl(path: Path, values: np.ndarray) -> Path:
    dimensions = (*values.shape, *(1,) * (16 - values.ndim))
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{' '.join(map(str, dimensions))}\n")
    values.astype(np.complex64).ravel(order="F").tofile(path)
    return path


def test_gaps_along_the_readout_are_refused_and_asymmetric_echoes_are_not(tmp_path: Path) -> None:
    kspace = np.moveaxis(kspace_3d(object_3d(MATRIX), 2)[0], 0, -1)
    holes = np.random.default_rng(0).random(MATRIX) < 0.5
    volume = open_volume(write_cfl(tmp_path / "holes.cfl", kspace * holes[..., None]))
    with pytest.raises(InputError, match=r"50 %|4\d %|5\d %|4\d%|5\d%") as error:
        volume.read(3)
    assert "BART's pics" in str(error.value)
    asymmetric = kspace.copy()
    asymmetric[:5] = 0
    asymmetric[:, 1::2] = 0
    assert open_volume(write_cfl(tmp_path / "echo.cfl", asymmetric)).read(3).mask.float().mean() == 0.5


@pytest.mark.parametrize("odd", [8, 15])
def test_readouts_of_several_lengths_are_refused(tmp_path: Path, odd: int) -> None:
    readouts = [
        ismrmrd_files.readout(
            np.ones((2, odd if (y, z) == (3, 4) else 16), np.complex64),
            y,
            kspace_encode_step_2=z,
            center_sample=(odd if (y, z) == (3, 4) else 16) // 2,
        )
        for y in range(12)
        for z in range(10)
    ]
    path = ismrmrd_files.write(tmp_path / "scan.mrd", header_3d(MATRIX, MATRIX, (1.0, 1.0, 1.0)), readouts)
    with pytest.raises(InputError, match=f"have {odd} to 16 samples .* must be fully sampled"):
        open_volume(path)


def test_a_trajectory_is_no_kspace(tmp_path: Path) -> None:
    path = write_cfl(tmp_path / "traj.cfl", np.random.default_rng(0).standard_normal((3, 16, 12)))
    with pytest.raises(InputError, match=re.escape("(a trajectory), not k-space")):
        open_volume(path)


@pytest.mark.parametrize("word", ["partitions", "kz"])
def test_arrays_of_two_phase_encodings_name_formats_that_hold_them(tmp_path: Path, word: str) -> None:
    np.save(tmp_path / "scan.npy", np.ones((4, 2, 16, 12), np.complex64))
    with pytest.raises(InputError, match="store a 3-D scan as BART's cfl"):
        open_volume(tmp_path / "scan.npy", axes=f"{word} coils readout phase")
