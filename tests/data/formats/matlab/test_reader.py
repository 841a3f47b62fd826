"""Reads MATLAB files that scipy and h5py wrote, and refuses hostile ones before it takes memory."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from helpers.scans.slices import random_kspace
from recon.data.errors import InputError
from recon.data.open import open_volume

Arrays = dict[str, Any]


def save_5(path: Path, arrays: Arrays) -> None:
    savemat(path, arrays)


def save_5_compressed(path: Path, arrays: Arrays) -> None:
    savemat(path, arrays, do_compression=True)


def save_73(path: Path, arrays: Arrays, fields: tuple[str, str] = ("real", "imag")) -> None:
    """Write as MATLAB does: axes reversed, two fields for a complex number, 512 bytes before the HDF5 file."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            array = np.atleast_2d(values).T
            if np.iscomplexobj(array):
                part = array.real.dtype
                pairs = np.empty(array.shape, [(field, part) for field in fields])
                pairs[fields[0]], pairs[fields[1]] = array.real, array.imag
                array = pairs
            chunks = tuple(min(4, size) for size in array.shape)
            file.create_dataset(name, data=array, chunks=chunks, compression="gzip")
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        file.create_group("#refs#")
    with path.open("r+b") as header:
        header.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124, b" ") + b"\x00\x02IM")


SAVES = [save_5, save_5_compressed, save_73]
Save = Callable[[Path, Arrays], None]


@pytest.fixture(params=SAVES)
def save(request: pytest.FixtureRequest) -> Save:
    return request.param


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_axes_are_those_that_matlab_shows(tmp_path: Path, save: Save, dtype: type) -> None:
    kspace = random_kspace(10, 8, 3, 2).numpy().astype(dtype)
    save(tmp_path / "scan.mat", {"kspace": kspace, "te": 12.5, "lines": np.arange(9)})
    volume = open_volume(tmp_path / "scan.mat")
    assert volume.shape == (2, 3, 10, 8)
    for index in range(2):
        np.testing.assert_array_equal(volume.read(index).kspace, kspace[..., index].transpose(2, 0, 1))


def test_axes_can_be_named(tmp_path: Path, save: Save) -> None:
    kspace = random_kspace(3, 8, 2, 10).numpy()
    save(tmp_path / "scan.mat", {"data": kspace})
    volume = open_volume(tmp_path / "scan.mat", axes="coils phase frames readout", variable="data")
    assert volume.shape == (2, 3, 10, 8)
    np.testing.assert_array_equal(volume.read(1).kspace, kspace[:, :, 1].transpose(0, 2, 1))
    assert dict(volume.choices) == {"axes": "coils phase frames readout", "variable": "data"}


@pytest.mark.parametrize("fields", [("real", "imag"), ("r", "i"), ("re", "im")])
def test_complex_numbers_of_any_writer_are_read(tmp_path: Path, fields: tuple[str, str]) -> None:
    kspace = random_kspace(10, 8).numpy()
    save_73(tmp_path / "scan.mat", {"data": kspace}, fields)
    np.testing.assert_array_equal(open_volume(tmp_path / "scan.mat").read(0).kspace[0], kspace)


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_stored_as_integers_in_either_order_of_bytes_are_read(tmp_path: Path, order: str) -> None:
    """MATLAB stores doubles that are whole numbers as the smallest integers that hold them."""
    real, imaginary = np.arange(12).reshape(4, 3), np.arange(12).reshape(4, 3) - 300
    parts = [
        element(order, 6, struct.pack(f"{order}2I", 0x0800 | 6, 0)),
        element(order, 5, struct.pack(f"{order}2i", 4, 3)),
        element(order, 1, b"data"),
        element(order, 2, real.astype("u1").tobytes("F")),
        element(order, 3, imaginary.astype(f"{order}i2").tobytes("F")),
    ]
    write_5(tmp_path / "scan.mat", order, element(order, 14, b"".join(parts)))
    np.testing.assert_array_equal(open_volume(tmp_path / "scan.mat").read(0).kspace[0], real + 1j * imaginary)


@pytest.mark.parametrize("name", ["mat_v5.mat", "mat_v73.mat"])
def test_published_arrays_are_read(real_data: Path, name: str) -> None:
    cases = real_data / ".." / "cases"
    if not (cases / name).is_file():
        pytest.skip("the folder of measurements has no folder of cases beside it")
    for choices in ({}, {"variable": "data", "axes": "readout phase"}):
        kspace = open_volume(cases / name, **choices).read(0).kspace[0]
        np.testing.assert_array_equal(kspace, np.load(cases / "single_coil_2d.npy"))


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        (None, "several complex arrays, choose one with --variable; available: a \\(8 x 6 complex\\), b"),
        ("c", "there is no variable 'c' in the file; available: a, b, mask"),
        ("mask", "the variable 'mask' holds 8 x 6 real, not a complex array"),
    ],
)
def test_the_choice_of_a_variable_is_explained(
    tmp_path: Path, save: Save, variable: str | None, sentence: str
) -> None:
    arrays = {"a": random_kspace(8, 6).numpy(), "b": random_kspace(8, 6, 2).numpy(), "mask": np.ones((8, 6))}
    save(tmp_path / "scan.mat", arrays)
    with pytest.raises(InputError, match=sentence):
        open_volume(tmp_path / "scan.mat", variable=variable)


def test_files_without_a_complex_array_are_refused(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "scan.mat", {"mask": np.ones((8, 6)), "one": 1j})
    with pytest.raises(InputError, match="no variable is a complex array, there is only mask \\(8 x 6 real\\), one"):
        open_volume(tmp_path / "scan.mat")


def test_numbers_beyond_single_precision_are_refused_without_a_warning(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "scan.mat", {"k": np.full((8, 6), 1e300 + 1j)})
    np.save(tmp_path / "scan.npy", np.full((8, 6), 1e300 + 1j))
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="NaN or Inf"):
            open_volume(path).read(0)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_field_of_a_struct_is_read_if_it_is_named(tmp_path: Path, compressed: bool) -> None:
    kspace = random_kspace(10, 8, 3).numpy()
    scan = {"te": 12.5, "none": np.zeros((0, 0)), "deep": {"n": "text", "k": kspace}, "mask": np.ones((10, 8))}
    savemat(tmp_path / "scan.mat", {"scan": scan, "other": 3.0}, do_compression=compressed)
    volume = open_volume(tmp_path / "scan.mat", variable="scan.deep.k")
    np.testing.assert_array_equal(volume.read(0).kspace, kspace.transpose(2, 0, 1))


def test_a_field_of_a_struct_in_hdf5_is_read_if_it_is_named(tmp_path: Path) -> None:
    kspace = random_kspace(10, 8, 3).numpy()
    save_73(tmp_path / "scan.mat", {"scan/deep/k": kspace, "scan/te": np.ones((1, 1))})
    volume = open_volume(tmp_path / "scan.mat", variable="scan.deep.k")
    np.testing.assert_array_equal(volume.read(0).kspace, kspace.transpose(2, 0, 1))


@pytest.mark.parametrize("version_5", [True, False])
@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        (None, "no variable is a complex array.*; name a field .* available: scan.k, scan.te"),
        ("scan", "the variable 'scan' is a struct, choose one of its fields; available: scan.k, scan.te"),
        ("scan.kk", "no variable 'scan.kk' in the file; did you mean 'scan.k'"),
        ("scan.k.x", "no variable 'scan.k.x' in the file"),
        ("scan.te", "the variable 'scan.te' holds 1 x 1 real, not a complex array"),
    ],
)
def test_the_fields_of_a_struct_are_named(
    tmp_path: Path, variable: str | None, sentence: str, version_5: bool
) -> None:
    fields = {"k": random_kspace(8, 6).numpy(), "te": np.ones((1, 1))}
    if version_5:
        savemat(tmp_path / "scan.mat", {"scan": fields})
    else:
        save_73(tmp_path / "scan.mat", {f"scan/{name}": value for name, value in fields.items()})
    with pytest.raises(InputError, match=sentence):
        open_volume(tmp_path / "scan.mat", variable=variable)


def test_structs_cells_text_and_sparse_arrays_are_named(tmp_path: Path) -> None:
    arrays = {"s": {"k": random_kspace(8, 6).numpy()}, "t": "text", "c": np.array([[1], "x"], object)}
    savemat(tmp_path / "scan.mat", arrays)
    with pytest.raises(InputError, match="'c' holds 1 x 2 cell array, not a complex array"):
        open_volume(tmp_path / "scan.mat", variable="c")
    with pytest.raises(InputError, match="struct.*text.*cell array"):
        open_volume(tmp_path / "scan.mat")


def test_other_files_of_this_suffix_are_told_how_to_be_saved(tmp_path: Path) -> None:
    savemat(tmp_path / "scan.mat", {"k": random_kspace(8, 6).numpy()}, format="4")
    with pytest.raises(InputError, match="save the array again with save\\(..., '-v7'\\)"):
        open_volume(tmp_path / "scan.mat")


def element(order: str, code: int, content: bytes) -> bytes:
    return struct.pack(f"{order}2I", code, len(content)) + content + bytes(-len(content) % 8)


def write_5(path: Path, order: str, *elements: bytes) -> None:
    path.write_bytes(
        b"MATLAB 5.0 MAT-file".ljust(124) + {"<": b"\x00\x01IM", ">": b"\x01\x00MI"}[order] + b"".join(elements)
    )


def claimed(shape: tuple[int, ...], size: int) -> bytes:
    """Make a variable that claims a shape and a size, without the samples."""
    return (
        element("<", 6, struct.pack("<2I", 0x0800 | 7, 0))
        + element("<", 5, struct.pack(f"<{len(shape)}i", *shape))
        + element("<", 1, b"kspace")
        + struct.pack("<2I", 7, size)
    )


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Return a function that returns the largest number of bytes allocated so far."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("shape", "packed", "sentence"),
    [
        ((30000, 30000), False, "declared but not stored"),
        ((30000, 30000), True, "declared but not stored"),
        ((2**31 - 1, 2**31 - 1), False, "more than the limit of 16"),
        ((-4, 4), False, "damaged"),
        ((1,) * 100, False, "damaged"),
    ],
)
def test_what_a_file_claims_is_checked_before_memory_is_taken(
    tmp_path: Path, peak: Callable[[], int], shape: tuple[int, ...], packed: bool, sentence: str
) -> None:
    body = claimed(shape, 4 * int(np.prod(np.abs(shape), dtype=object)) % 2**32)
    content = struct.pack("<2I", 14, len(body)) + body
    if packed:
        stored = zlib.compress(content)
        content = struct.pack("<2I", 15, len(stored)) + stored
    write_5(tmp_path / "scan.mat", "<", content)
    with pytest.raises(InputError, match=sentence):
        open_volume(tmp_path / "scan.mat").read(0)
    assert peak() < 2**24


def test_a_bomb_in_the_place_of_a_header_is_not_unpacked(tmp_path: Path, peak: Callable[[], int]) -> None:
    packer = zlib.compressobj()
    stored = packer.compress(struct.pack("<4I", 14, 2**32 - 1, 6, 2**30))
    stored += b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    write_5(tmp_path / "scan.mat", "<", struct.pack("<2I", 15, len(stored)) + stored)
    with pytest.raises(InputError, match="damaged"):
        open_volume(tmp_path / "scan.mat")
    assert peak() < 2**24


def test_a_damaged_file_is_read_or_refused_in_one_sentence(tmp_path: Path, save: Save) -> None:
    path = tmp_path / "scan.mat"
    save(path, {"kspace": random_kspace(6, 5, 2).numpy(), "mask": np.ones((6, 5))})
    whole, sentences = path.read_bytes(), []
    generator = np.random.default_rng(0)
    count = 40 if save is save_73 else 300
    for number in range(count):
        content = bytearray(whole)
        for place in generator.integers(len(whole), size=1 + number % 3):
            content[place] ^= generator.integers(1, 256)
        path.write_bytes(bytes(content[: generator.integers(len(whole))] if number % 5 == 0 else content))
        try:
            read = open_volume(path).read(0)
        except InputError as error:
            sentences.append(str(error))
        else:
            assert read.kspace.isfinite().all()
    assert len(sentences) > count // 10
    assert all(sentence.startswith(str(path)) for sentence in sentences)


def test_a_variable_that_cannot_be_read_does_not_keep_others_from_it(tmp_path: Path) -> None:
    path, kspace = tmp_path / "scan.mat", random_kspace(8, 6).numpy()
    save_73(path, {"kspace": kspace})
    with h5py.File(path, "r+") as file:
        file.create_dataset("nothing", data=h5py.Empty("f4"))
    np.testing.assert_array_equal(open_volume(path).read(0).kspace[0], kspace)
    with pytest.raises(InputError, match="the data set 'nothing' is empty"):
        open_volume(path, variable="nothing")
