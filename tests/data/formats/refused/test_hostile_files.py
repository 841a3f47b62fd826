"""Opens hostile files: nothing outside them is read, nothing in them is run, and every declared size is checked."""

import io
import pickle
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.files.ismrmrd_files import readout, write, xml
from recon.data.errors import InputError
from recon.data.open import open_volume
from recon.data.storage.hdf5 import MOST_ENTRIES
from recon.data.storage.limits import MAX_GIB


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = np.ones((2, 4, 48, 40), np.complex64)
    return path


def external_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset("kspace", (1, 1, 4, 4), np.complex64, external=[(str(secret), 0, 128)])


def external_link(file: h5py.File, secret: Path) -> None:
    file["kspace"] = h5py.ExternalLink(str(secret), "kspace")


def soft_link(file: h5py.File, secret: Path) -> None:
    file["kspace"] = h5py.SoftLink("/elsewhere")


def virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((2, 4, 48, 40), np.complex64)
    layout[:] = h5py.VirtualSource(str(secret), "kspace", (2, 4, 48, 40))
    file.create_virtual_dataset("kspace", layout)


def enormous(file: h5py.File, secret: Path) -> None:
    file.create_dataset("kspace", (1000, 1000, 1000, 1000), np.complex64, chunks=(1, 1, 100, 100))


def bomb(file: h5py.File, secret: Path) -> None:
    zeros = file.create_dataset(
        "kspace", (40, 8, 640, 320), np.complex64, chunks=(1, 8, 640, 320), compression="gzip"
    )
    packed = zlib.compress(bytes(8 * 640 * 320 * 8), level=1)
    for index in range(4):
        zeros.id.write_direct_chunk((index, 0, 0, 0), packed)


def empty(file: h5py.File, secret: Path) -> None:
    file.create_dataset("kspace", (100, 10, 300, 300), np.complex64)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (external_storage, "stored in other files"),
        (external_link, "link to another place"),
        (soft_link, "link to another place"),
        (virtual, "parts of other files"),
        (enormous, "more than the limit of 16"),
        (empty, "declared but not stored"),
        (bomb, "as no measurement does"),
    ],
)
@pytest.mark.parametrize("name", ["kspace", "reconstruction_rss", "mask", "reference_scan", "ismrmrd_header"])
def test_hdf5_that_points_elsewhere_or_declares_too_much_is_refused(
    make: Callable[[h5py.File, Path], None], words: str, name: str, raw_file: Path, secret: Path
) -> None:
    with h5py.File(raw_file, "r+") as file:
        kept = file["kspace"][()]
        del file["kspace"]
        if name in file:
            del file[name]
        make(file, secret)
        if name != "kspace":
            file.move("kspace", name)
            file["kspace"] = kept
    with pytest.raises(InputError, match=words) as error:
        open_volume(raw_file).read(0)
    assert str(raw_file) in str(error.value)


def test_a_group_behind_an_external_link_is_not_opened(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["dataset"] = h5py.ExternalLink(str(secret), "/")
    with pytest.raises(InputError, match="no raw data of a known layout, only dataset"):
        open_volume(path)


def test_the_limit_can_be_raised_and_lowered(raw_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MAX_GIB, "0.00001")
    with pytest.raises(InputError, match="--max-gib"):
        open_volume(raw_file)
    monkeypatch.setenv(MAX_GIB, "1")
    open_volume(raw_file)


def test_an_unknown_filter_is_refused(raw_file: Path) -> None:
    with h5py.File(raw_file, "r+") as file:
        kspace = file["kspace"][()]
        del file["kspace"]
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk(kspace.shape)
        created.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(kspace.shape)
        h5py.h5d.create(file.id, b"kspace", h5py.h5t.py_create(kspace.dtype), space, created)
    with pytest.raises(InputError, match="unknown filter 32015"):
        open_volume(raw_file)


def test_a_few_readouts_cannot_claim_a_large_matrix(tmp_path: Path) -> None:
    lines = [readout(np.ones((4, 4096), np.complex64), step) for step in (2046, 2050)]
    path = write(tmp_path / "scan.mrd", xml(4096, 4096), lines)
    refused_within_little_memory(path, "declares k-space of 536870912 bytes, but only 262144 bytes were measured")


def test_a_large_matrix_is_read_if_one_of_its_images_was_measured(tmp_path: Path) -> None:
    lines = [readout(np.ones((1, 4096), np.complex64), step) for step in range(1000, 1100)]
    aborted = readout(np.ones((1, 4096), np.complex64), 1024, repetition=1)
    path = write(tmp_path / "scan.mrd", xml(4096, 2100), [*lines, aborted])
    assert len(open_volume(path)) == 2


@pytest.mark.parametrize("name", ["scan.h5", "scan.mat", "kspace.h5"])
def test_entries_are_counted_before_they_are_looked_at(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, looked_at = tmp_path / name, []
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(MOST_ENTRIES + 1):
            file.create_group(f"g{number}")
        if name == "kspace.h5":
            file["kspace"] = np.ones((1, 2, 4, 4), np.complex64)
    monkeypatch.setattr(h5py.Group, "__iter__", looked_at.append)
    with pytest.raises(InputError, match="1000[12] (other )?entries"):
        open_volume(path, isolate=False)
    assert not looked_at


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickles_are_not_run(tmp_path: Path, suffix: str) -> None:
    path, touched = tmp_path / f"scan{suffix}", tmp_path / "touched"
    array = np.array([Attack(touched)], object)
    if suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, kspace=array)
    with pytest.raises(InputError, match="pickled objects, which are refused"):
        open_volume(path)
    assert not touched.exists()


def test_a_bare_pickle_is_not_raw_data(tmp_path: Path) -> None:
    path = tmp_path / "scan.npy"
    path.write_bytes(pickle.dumps(Attack(tmp_path / "touched")))
    with pytest.raises(InputError, match="not HDF5"):
        open_volume(path)
    assert not (tmp_path / "touched").exists()


def test_an_array_that_declares_too_much_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    header = b"{'descr': '<c8', 'fortran_order': False, 'shape': (1000, 1000, 1000, 1000), }"
    claimed = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    (tmp_path / "scan.npy").write_bytes(claimed)
    with zipfile.ZipFile(tmp_path / "scan.npz", "w") as archive:
        archive.writestr("kspace.npy", claimed)
    (tmp_path / "scan.hdr").write_text("# Dimensions\n1000 1000 1 1000 1 1 1 1 1 1 1 1 1 1000\n")
    (tmp_path / "scan.cfl").write_bytes(bytes(8))
    for suffix in (".npy", ".npz", ".cfl"):
        with pytest.raises(InputError, match="more than the limit of 16"):
            open_volume(tmp_path / f"scan{suffix}")


def test_an_archive_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    header = b"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 4, 4), }"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        claimed = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
        archive.writestr("kspace.npy", claimed + bytes(10_000_000))
    with pytest.raises(InputError, match="not as long as its shape"):
        open_volume(path)


def test_an_archive_that_compresses_as_no_measurement_does_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    header = b"{'descr': '<c8', 'fortran_order': False, 'shape': (1, 4096, 4096), }"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        claimed = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
        archive.writestr("kspace.npy", claimed + bytes(8 * 4096**2))
    refused_within_little_memory(path, "as no measurement does")


def test_a_header_of_a_gigabyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kspace.npy", b"\x93NUMPY\x02\x00" + (1 << 30).to_bytes(4, "little") + b" " * (1 << 26))
    refused_within_little_memory(path, "header of 'kspace' is damaged")


def refused_within_little_memory(path: Path, words: str) -> None:
    tracemalloc.start()
    with pytest.raises(InputError, match=words):
        open_volume(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "literal", [b"{b'descr': 1, 'shape': 2}", b"(" * 5000, b"{{}: 1}", b"{'descr': '<c8', 1: 2}"]
)
def test_an_invalid_numpy_header_is_refused(tmp_path: Path, literal: bytes) -> None:
    path = tmp_path / "scan.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(literal).to_bytes(2, "little") + literal)
    with pytest.raises(InputError, match="header of the array is damaged"):
        open_volume(path)


@pytest.mark.parametrize("name", ["axes", "header", "kspace", "mask", "noise"])
def test_text_in_an_archive_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "scan.npz"
    kspace = np.ones((1, 2, 4, 3), np.complex64)
    for text in ("words", b"\xff\xfe", ["several", "words"], "\x1b[31m", ""):
        np.savez(path, **{"kspace": kspace, name: np.array(text)})
        if text or name != "axes":
            with pytest.raises(InputError):
                open_volume(path)
    letter = io.BytesIO()
    np.lib.format.write_array(letter, np.array("x"))
    np.savez(path, **({} if name == "kspace" else {"kspace": kspace}))
    with zipfile.ZipFile(path, "a") as archive:  # a letter beyond Unicode
        archive.writestr(f"{name}.npy", letter.getvalue()[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(InputError):
        open_volume(path)


def test_truncated_samples_of_bart_are_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.hdr").write_text("# Dimensions\n4 4 1 2\n")
    (tmp_path / "scan.cfl").write_bytes(bytes(8 * 31))
    with pytest.raises(InputError, match="has 248 bytes, its header says 256"):
        open_volume(tmp_path / "scan.cfl")
