"""Reads 3-D twix, whose images equal those of the same scan as ISMRMRD."""

from pathlib import Path

import numpy as np

from helpers.files.twix_files import protocol, readout, write
from helpers.scans.volumes import kspace_3d, object_3d
from recon.data.open import open_volume
from recon.registry import create


def test_a_3d_scan_with_slab_oversampling_and_partial_fourier_is_read(tmp_path: Path) -> None:
    encoded, shown = (16, 12, 10), (8, 12, 8)
    kspace, truth = kspace_3d(object_3d(encoded, shown), 3)
    steps = [(y, z) for y in range(12) for z in range(2, 10)]
    readouts = [
        readout(np.ascontiguousarray(kspace[..., y, z]), y, Par=z - 2, CenterLin=6, CenterPar=3) for y, z in steps
    ]
    slab = {
        "sKSpace__ucDimension": "0x4",
        "sKSpace__lPartitions": 10,
        "sKSpace__lImagesPerSlab": 8,
        "sKSpace__dSliceOversamplingForDialog": 0.25,
        "sSliceArray__asSlice_0__dThickness": 12.0,
    }
    volume = open_volume(write(tmp_path / "scan.dat", protocol(8, 12, **slab), readouts))
    assert volume.shape == (8, 3, 12, 10)
    assert volume.header.padding == (2, 10)
    assert volume.header.field_of_view == (24.0, 12.0)
    assert volume.header.encoded_field_of_view == (24.0, 15.0)
    kept = kspace.copy()
    kept[..., :2] = 0
    axes = (1, 2, 3)
    coils = np.fft.ifftn(np.fft.ifftshift(kept, axes=axes), axes=axes, norm="ortho")
    expected = np.sqrt((np.abs(np.fft.fftshift(coils, axes=axes)) ** 2).sum(0))[4:12, :, 1:9]
    found = np.stack([create("zero-filled", {})(volume.read(index)).numpy() for index in range(8)])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - truth[4:12, :, 1:9]).max() < 0.2
