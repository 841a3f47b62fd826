import warnings
from pathlib import Path

import numpy as np
import pytest

from helpers.scans.slices import random_kspace
from recon.data.errors import InputError, InputWarning
from recon.data.formats.bart import open_bart
from recon.data.open import find_files, open_volume


def write(folder: Path, kspace: np.ndarray, dimensions: str, name: str = "scan") -> Path:
    """Write samples in the order of the dimensions, the first one fastest."""
    (folder / f"{name}.hdr").write_text(f"# Dimensions\n{dimensions}\n# Command\nphantom -k\n")
    kspace.astype(np.complex64).ravel(order="F").tofile(folder / f"{name}.cfl")
    return folder / f"{name}.cfl"


def test_echoes_times_and_averages_are_images_and_slices_run_fastest(tmp_path: Path) -> None:
    shape = [1] * 16
    shape[0], shape[1], shape[3], shape[5], shape[10], shape[13] = 8, 6, 2, 3, 2, 4
    kspace = random_kspace(*shape).numpy()
    volume = open_volume(write(tmp_path, kspace, " ".join(map(str, shape))))
    assert volume.shape == (24, 2, 8, 6)
    for index, (time, echo, slice_) in ((0, (0, 0, 0)), (3, (0, 0, 3)), (4, (0, 1, 0)), (17, (1, 1, 1))):
        wanted = kspace[:, :, 0, :, 0, echo, 0, 0, 0, 0, time, 0, 0, slice_, 0, 0].transpose(2, 0, 1)
        np.testing.assert_array_equal(volume.read(index).kspace, wanted)


@pytest.mark.parametrize(("dimensions", "plane"), [("1 8 6 2", (8, 6)), ("8 1 6 2", (8, 6)), ("1 1 6 16", (1, 6))])
def test_an_axis_of_size_1_leaves_its_place_in_the_image_plane_to_phase_2(
    tmp_path: Path, dimensions: str, plane: tuple[int, int]
) -> None:
    kspace = random_kspace(*plane, 96 // (plane[0] * plane[1])).numpy()
    volume = open_volume(write(tmp_path, kspace, dimensions))
    assert volume.shape == (1, kspace.shape[2], *plane)
    assert volume.header.crop == plane
    np.testing.assert_array_equal(volume.read(0).kspace, kspace.transpose(2, 0, 1))


def test_a_poisson_disc_of_two_phase_axes_is_read(real_data: Path) -> None:
    path = real_data / ".." / "cases" / "bart_readout1.cfl"
    if not path.is_file():
        pytest.skip("the folder of measurements has no folder of cases beside it")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = open_volume(path)
    assert volume.shape == (1, 8, 180, 230)
    assert volume.mask is not None
    assert volume.mask.shape == (180, 230)
    assert volume.read(0).acceleration == pytest.approx(8.042, abs=1e-3)


def test_a_3d_scan_is_read_by_positions_along_the_readout(tmp_path: Path) -> None:
    kspace = random_kspace(8, 6, 5, 3, 2).numpy()
    kspace[:, ::2, 1] = 0
    volume = open_volume(write(tmp_path, kspace, "8 6 5 3 1 2"))
    assert volume.shape == (16, 3, 6, 5)
    assert volume.header.volumetric
    assert volume.header.place_in_series(9) == ((9,), 0)
    mask = np.ones((6, 5), bool)
    mask[::2, 1] = False
    np.testing.assert_array_equal(volume.mask, mask)
    shifted = np.fft.ifft(np.fft.ifftshift(kspace, axes=0), axis=0, norm="ortho")
    hybrid = np.fft.fftshift(shifted, axes=0)
    for index in (0, 7, 11):
        wanted = hybrid[index % 8, ..., index // 8].transpose(2, 0, 1)
        np.testing.assert_allclose(volume.read(index).kspace, wanted, atol=1e-6)


def test_spokes_in_the_place_of_lines_are_doubted(tmp_path: Path) -> None:
    sizes = np.abs(np.fft.fftfreq(64, 1 / 64))
    spokes = np.exp(-np.fft.fftshift(sizes) / 4)[:, None] * random_kspace(64, 40).numpy()
    lines = spokes * np.exp(-np.fft.fftshift(np.abs(np.fft.fftfreq(40, 1 / 40))) / 4)
    with pytest.warns(InputWarning, match="as the spokes of a radial scan do.*nufft"):
        open_volume(write(tmp_path, spokes, "1 64 40 1"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_volume(write(tmp_path, lines, "1 64 40 1"))


def test_lines_of_zeros_were_not_measured(tmp_path: Path) -> None:
    kspace = random_kspace(8, 6, 1, 2).numpy()
    kspace[:, ::2] = 0
    volume = open_bart(write(tmp_path, kspace, "8 6 1 2"))
    assert volume.mask is not None
    assert volume.read(0).mask.tolist() == [False, True] * 3


@pytest.mark.parametrize("matrix", [(8, 6), (8, 1)])
def test_overwriting_a_slice_does_not_change_the_file(tmp_path: Path, matrix: tuple[int, int]) -> None:
    path = write(tmp_path, random_kspace(*matrix, 1, 1).numpy(), f"{matrix[0]} {matrix[1]}")
    before = path.read_bytes()
    open_bart(path).read(0).kspace.zero_()
    assert path.read_bytes() == before


def test_either_name_opens_the_pair_and_folders_list_it_once(tmp_path: Path) -> None:
    path = write(tmp_path, random_kspace(8, 6, 1, 2).numpy(), "8 6 1 2")
    assert open_volume(path.with_suffix(".hdr")).path == path
    assert find_files([tmp_path]) == [path]


@pytest.mark.parametrize(
    ("dimensions", "words"),
    [
        ("8 6 1 1 2", "dimension 4 \\(maps\\) has size 2"),
        ("8 6 1 1 1 1 2", "dimension 6 has size 2"),
        ("8 six 1 2", "are not 1 to 16 whole numbers"),
        ("8 0 1 2", "impossible"),
        ("8 6 1 3", "its header says 1152"),
        ("", "are not 1 to 16"),
    ],
)
def test_unsupported_scans_are_refused(tmp_path: Path, dimensions: str, words: str) -> None:
    path = write(tmp_path, random_kspace(8, 6, 2).numpy(), dimensions)
    with pytest.raises(InputError, match=words):
        open_volume(path)


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, random_kspace(8, 6, 1, 2).numpy(), "8 6 1 2")
    path.unlink()
    with pytest.raises(InputError, match="no such file beside its header"):
        open_volume(path.with_suffix(".hdr"))
