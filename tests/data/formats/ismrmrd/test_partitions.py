"""Reads 3-D scans by positions along the readout, at the right place in the patient."""

import pickle
from pathlib import Path

import ismrmrd
import nibabel as nib
import numpy as np
import pytest

from helpers.files import ismrmrd_files
from helpers.scans.stacks import oblique_geometry
from helpers.scans.volumes import header_3d, kspace_3d, object_3d, readouts_3d, write_3d
from recon.classical.zero_filled import ZeroFilled
from recon.data.errors import InputError
from recon.data.images.nifti import write_nifti
from recon.data.images.placement import stack
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, open_volume
from recon.registry import create

ENCODED, SHOWN, VOXEL = (24, 16, 14), (12, 14, 10), (1.0, 1.5, 2.0)


@pytest.fixture(scope="module")
def scan() -> tuple[np.ndarray, np.ndarray]:
    return kspace_3d(object_3d(ENCODED, SHOWN), 4)


def images(volume: Volume, method: str = "zero-filled") -> np.ndarray:
    return np.stack([create(method, {})(volume.read(index)).numpy() for index in range(len(volume))])


def middle(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    cut = tuple(
        slice(n // 2 - kept // 2, n // 2 - kept // 2 + kept) for n, kept in zip(image.shape, size, strict=True)
    )
    return image[cut]


@pytest.mark.parametrize("seed", range(3))
def test_every_voxel_of_a_full_scan_has_its_value_at_its_place_in_the_patient(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    kspace, truth = scan
    path, slab = write_3d(tmp_path / "scan.mrd", kspace, SHOWN, VOXEL, seed=seed)
    volume = open_volume(path)
    assert volume.shape == (SHOWN[0], 4, *ENCODED[1:])
    assert volume.mask is None
    found = images(volume)
    np.testing.assert_allclose(found, middle(truth, SHOWN), atol=1e-5)
    file = tmp_path / "scan.nii"
    write_nifti(file, stack(found, volume.header, ENCODED[1:]))
    written = nib.load(file)
    place = written.affine
    for x, y, z in ((0, 0, 0), (11, 13, 9), (3, 8, 2), (6, 7, 5)):
        steps = [(index - size // 2) * mm for index, size, mm in zip((x, y, z), SHOWN, VOXEL, strict=True)]
        directions = np.array([slab.read_dir, slab.phase_dir, slab.slice_dir])
        expected = (np.array(slab.position) + steps @ directions) * [-1, -1, 1]
        index = np.round(np.linalg.inv(place) @ [*expected, 1]).astype(int)[:3]
        np.testing.assert_allclose((place @ [*index, 1])[:3], expected, atol=1e-3)
        assert written.get_fdata()[tuple(index)] == pytest.approx(middle(truth, SHOWN)[x, y, z], abs=1e-5)


def test_a_mask_of_two_axes_with_missing_corners_and_partial_fourier_is_found(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]
) -> None:
    kspace, _ = scan
    mask = Sampling(MaskKind.POISSON, 2, 0.0).mask(ENCODED[1:], 0).numpy()
    mask[6:11, 5:10] = True
    mask[:3] = mask[:, 12:] = False
    volume = open_volume(write_3d(tmp_path / "scan.mrd", kspace, SHOWN, mask=mask)[0])
    np.testing.assert_array_equal(volume.mask, mask)
    assert volume.header.padding == (int(mask.any(0).argmax()), 12)
    one = volume.read(3)
    np.testing.assert_array_equal(one.mask.numpy(), mask)
    assert not one.kspace.numpy()[:, ~mask].any()
    full = open_volume(write_3d(tmp_path / "full.mrd", kspace, SHOWN)[0]).read(3)
    np.testing.assert_allclose(one.kspace.numpy()[:, mask], full.kspace.numpy()[:, mask], atol=1e-6)


def test_averages_are_averaged_and_noise_and_repetitions_are_kept(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]
) -> None:
    kspace, _ = scan
    slab, full = oblique_geometry(1, 0)[0], np.ones(ENCODED[1:], bool)
    noise = ismrmrd_files.readout(np.full((4, 8), 1 + 1j, np.complex64), 0, [ismrmrd.ACQ_IS_NOISE_MEASUREMENT])
    readouts = [noise]
    for repetition in (0, 1):
        for average, factor in ((0, 1.0), (1, 3.0)):
            values = (kspace * factor * (1 + repetition)).astype(np.complex64)
            readouts += readouts_3d(values, full, slab, average=average, repetition=repetition)
    path = ismrmrd_files.write(tmp_path / "scan.mrd", header_3d(ENCODED, SHOWN, VOXEL), readouts)
    volume = open_volume(path)
    plain = open_volume(write_3d(tmp_path / "plain.mrd", kspace, SHOWN)[0])
    assert len(volume) == 2 * SHOWN[0]
    assert volume.averages == 2
    assert volume.header.place_in_series(15) == ((3, 15), 1)
    np.testing.assert_allclose(volume.read(3).kspace, 2 * plain.read(3).kspace, atol=1e-5)
    np.testing.assert_allclose(volume.read(15).kspace, 4 * plain.read(3).kspace, atol=1e-5)
    np.testing.assert_allclose(volume.first_averages(1).read(3).kspace, plain.read(3).kspace, atol=1e-5)
    assert volume.read(0).noise is not None


def test_a_separate_calibration_scan_becomes_the_calibration_of_every_position(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]
) -> None:
    kspace, _ = scan
    slab, mask, center = oblique_geometry(1, 0)[0], np.zeros(ENCODED[1:], bool), np.zeros(ENCODED[1:], bool)
    mask[::2, ::2], center[4:12, 3:11] = True, True
    parallel = ismrmrd_files.PARALLEL.format("separate")
    readouts = [
        *readouts_3d(kspace, center, slab, [ismrmrd.ACQ_IS_PARALLEL_CALIBRATION]),
        *readouts_3d(kspace, mask, slab),
    ]
    path = ismrmrd_files.write(tmp_path / "scan.mrd", header_3d(ENCODED, SHOWN, VOXEL, parallel), readouts)
    volume = open_volume(path)
    one, full = volume.read(5), open_volume(write_3d(tmp_path / "full.mrd", kspace, SHOWN)[0]).read(5)
    assert volume.calibration_lines == 8
    reference = one.reference_kspace()
    assert reference is not None
    np.testing.assert_allclose(reference[:, 4:12, 3:11], full.kspace[:, 4:12, 3:11], atol=1e-6)
    np.testing.assert_array_equal(one.mask.numpy(), mask)


def test_a_large_volume_is_transformed_by_blocks_in_a_temporary_file(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_3d(tmp_path / "scan.mrd", scan[0], SHOWN)[0]
    whole = images(open_volume(path))
    monkeypatch.setattr("recon.data.formats.hybrid.LARGEST_IN_MEMORY", 0)
    monkeypatch.setattr("recon.data.formats.ismrmrd.partitions.BLOCK_BYTES", 1)
    volume = open_volume(path)
    np.testing.assert_array_equal(images(volume), whole)
    again = pickle.loads(pickle.dumps(volume))  # noqa: S301 - as worker processes receive it
    np.testing.assert_array_equal(ZeroFilled()(again.read(3)), whole[3])


def test_contradictions_are_refused(tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
    kspace, _ = scan
    slab, full = oblique_geometry(1, 0)[0], np.ones(ENCODED[1:], bool)
    flat = header_3d((*ENCODED[:2], 1), (*SHOWN[:2], 1), VOXEL)
    with pytest.raises(InputError, match="second phase encoding, up to step 13.*single partition"):
        open_volume(ismrmrd_files.write(tmp_path / "flat.mrd", flat, readouts_3d(kspace, full, slab)))
    small = header_3d((*ENCODED[:2], 8), SHOWN, VOXEL)
    with pytest.raises(InputError, match="line 0 of partition 8 does not fit an encoded matrix of 16 x 8 lines"):
        open_volume(ismrmrd_files.write(tmp_path / "small.mrd", small, readouts_3d(kspace, full, slab)))
    one_sided = full.copy()
    one_sided[:, 6:] = False
    with pytest.raises(InputError, match="steps 0 to 5 of 14 all lie on one side"):
        open_volume(write_3d(tmp_path / "half.mrd", kspace, SHOWN, mask=one_sided)[0])
