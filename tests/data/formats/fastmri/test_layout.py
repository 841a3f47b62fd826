import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from fastmri.data.mri_data import SliceDataset
from fastmri.data.subsample import RandomMaskFunc
from fastmri.data.transforms import VarNetDataTransform

from helpers.files.raw_files import edit, write_raw_file
from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import open_fastmri, write_reconstruction
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.storage.hdf5 import open_hdf5


def test_slices_are_read_as_they_were_written(raw_file: Path) -> None:
    volume = open_fastmri(raw_file)
    assert volume.shape == (2, 4, 48, 40)
    with h5py.File(raw_file) as file:
        for index in range(2):
            acquisition = volume.read(index)
            np.testing.assert_array_equal(acquisition.kspace.numpy(), file["kspace"][index])
            np.testing.assert_array_equal(acquisition.target.numpy(), file["reconstruction_rss"][index])
            assert (acquisition.name, acquisition.slice) == ("discs.h5", index)
    assert volume.target_max == pytest.approx(volume.read_target().max())


def test_a_single_coil_file_gets_a_coil_axis(raw_file: Path) -> None:
    with h5py.File(raw_file) as file:
        kspace, target = file["kspace"][:, 0], file["reconstruction_rss"][()]
    edit(raw_file, kspace=kspace, reconstruction_esc=target, reconstruction_rss=None)
    volume = open_fastmri(raw_file)
    assert volume.shape == (2, 1, 48, 40)
    assert volume.target_name == "reconstruction_esc"
    np.testing.assert_array_equal(volume.read(1).kspace.numpy()[0], kspace[1])


def test_a_prospective_scan_keeps_its_mask(tmp_path: Path) -> None:
    mask = np.arange(40) % 2 == 0
    volume = open_fastmri(write_raw_file(tmp_path / "test.h5", mask=mask, target=False))
    acquisition = volume.read(0)
    np.testing.assert_array_equal(acquisition.mask.numpy(), mask)
    assert acquisition.target is None
    assert volume.read_target() is None


def test_undersampled_kspace_equals_that_of_fastmri(tmp_path: Path) -> None:
    # Lines 3 to 35 were acquired: the mask must be zero in the padding, as fastMRI's transform makes it.
    header = Header(crop=(48, 40), padding=(3, 36), contrast="AXT2")
    path = write_raw_file(tmp_path / "padded.h5", header=header)
    transform = VarNetDataTransform(RandomMaskFunc([0.08], [4]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = SliceDataset(tmp_path, "multicoil", transform)[1]
    ours = Sampling(MaskKind.RANDOM, 4, 0.08)(open_fastmri(path).read(1))
    assert torch.equal(ours.mask, theirs.mask.reshape(-1))
    torch.testing.assert_close(ours.kspace, torch.view_as_complex(theirs.masked_kspace), rtol=0, atol=0)
    assert ours.header.crop == theirs.crop_size


def test_a_stored_mask_without_gaps_means_a_full_scan(tmp_path: Path) -> None:
    header = Header(crop=(48, 40), padding=(3, 36))
    path = write_raw_file(tmp_path / "full.h5", mask=np.ones(40, bool), header=header)
    assert open_fastmri(path).mask is None
    assert open_fastmri(path).read(0).mask.sum() == 33
    edit(path, mask=(np.arange(40) != 20).astype(np.uint8))
    assert open_fastmri(path).mask is not None


@pytest.mark.parametrize("padding", [(20, 40), (0, 20)])
def test_lines_of_one_half_of_kspace_are_not_a_whole_scan(tmp_path: Path, padding: tuple[int, int]) -> None:
    path = write_raw_file(tmp_path / "half.h5", header=Header(crop=(48, 40), padding=padding))
    with pytest.raises(InputError, match="of 40 were acquired, all on one side of the centre of k-space"):
        open_fastmri(path)


def test_the_crop_is_limited_to_a_matrix_that_is_narrower(tmp_path: Path) -> None:
    header = Header(crop=(48, 64), padding=(0, 40))
    acquisition = open_fastmri(write_raw_file(tmp_path / "narrow.h5", header=header)).read(0)
    assert acquisition.crop == (48, 40)


BROKEN = {
    "no data set 'kspace'": {"kspace": None},
    "no data set 'ismrmrd_header'": {"ismrmrd_header": None},
    "not valid XML": {"ismrmrd_header": "hello"},
    "shape \\(4, 4\\); expected": {"kspace": np.zeros((4, 4), np.complex64)},
    "type float32, not complex": {"kspace": np.zeros((2, 4, 48, 40), np.float32)},
    "empty, its shape": {"kspace": np.zeros((0, 4, 48, 40), np.complex64)},
    "mask has shape \\(39,\\)": {"mask": np.ones(39)},
    "target's shape": {"reconstruction_rss": np.zeros((3, 48, 40), np.float32)},
}


@pytest.mark.parametrize("words", BROKEN)
def test_the_error_names_the_file_and_its_problem(raw_file: Path, words: str) -> None:
    edit(raw_file, **BROKEN[words])
    with pytest.raises(InputError, match=f"discs.h5: .*{words}"):
        open_fastmri(raw_file)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(raw_file: Path, value: float) -> None:
    with h5py.File(raw_file, "r+") as file:
        file["kspace"][1, 0, 3, 3] = value
    volume = open_fastmri(raw_file)
    volume.read(0)
    with pytest.raises(InputError, match="k-space of slice 1 holds NaN or Inf"):
        volume.read(1)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.h5", tmp_path / "empty.h5"
    text.write_text("no hdf5" * 100)
    empty.touch()
    for path, words in ((text, "not HDF5"), (empty, "empty"), (tmp_path / "none.h5", "no such file")):
        with pytest.raises(InputError, match=words):
            open_fastmri(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(raw_file: Path, share: float) -> None:
    raw_file.write_bytes(raw_file.read_bytes()[: int(raw_file.stat().st_size * share)])
    with pytest.raises(InputError, match="truncated or damaged|not HDF5"):
        open_fastmri(raw_file)


def test_reconstructions_are_written_in_the_submission_layout(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((3, 8, 6), dtype=np.float32)
    write_reconstruction(tmp_path / "out" / "scan.h5", images, seconds=1.5)
    with open_hdf5(tmp_path / "out" / "scan.h5") as file:
        np.testing.assert_array_equal(file["reconstruction"], images)
        assert file.attrs["seconds"] == 1.5
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scan.h5"]
