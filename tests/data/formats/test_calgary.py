from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.scans.volumes import kspace_3d, object_3d
from recon.data.errors import InputError
from recon.data.open import open_volume, recognise
from recon.registry import create


def write(path: Path, mask: np.ndarray | None = None) -> tuple[Path, np.ndarray]:
    """Write what numpy's `ifft2` turns into the images of an object."""
    _, truth = kspace_3d(object_3d((8, 14, 13)), 3)
    weights = np.array([1.0, 2.0, 2.0]) / 3
    kspace = np.fft.fft2(weights[:, None, None, None] * truth, axes=(2, 3)) * (1 if mask is None else mask)
    stored = np.stack([kspace.real, kspace.imag], axis=-1).transpose(1, 2, 3, 0, 4).reshape(8, 14, 13, 6)
    with h5py.File(path, "w") as file:
        file["kspace"] = stored.astype(np.float32)
    return path, truth


def test_the_images_are_those_of_a_transform_without_shifts(tmp_path: Path) -> None:
    path, truth = write(tmp_path / "e1.h5")
    volume = open_volume(path)
    assert recognise(path).name == "Calgary-Campinas"
    assert volume.shape == (8, 3, 14, 13)
    assert volume.mask is None
    assert volume.header.volumetric
    for index in (0, 5):
        image = create("zero-filled", {})(volume.read(index)).numpy()
        np.testing.assert_allclose(image / np.sqrt(14 * 13), truth[index], atol=1e-5)


def test_partitions_of_zeros_were_not_measured(tmp_path: Path) -> None:
    mask = np.ones((14, 13), bool)
    mask[:, 11:] = False
    volume = open_volume(write(tmp_path / "e1.h5", mask)[0])
    np.testing.assert_array_equal(volume.mask, mask[0])
    np.testing.assert_array_equal(volume.read(2).mask.numpy(), mask[0])


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path, _ = write(tmp_path / "e1.h5")
    with h5py.File(path, "r+") as file:
        file["kspace"][3, 2, 1, 0] = np.nan
    with pytest.raises(InputError, match="k-space of position 3"):
        open_volume(path).read(3)
