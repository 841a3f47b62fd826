import os
import pickle
from pathlib import Path

import pytest

from helpers.raw_files import write_raw_file
from recon.data.errors import InputError
from recon.data.storage.hdf5 import OpenFiles, open_hdf5, read_dataset


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_raw_file(tmp_path / f"{index}.h5", slices=1, coils=2, matrix=(16, 16)) for index in range(5)]


def handles() -> int:
    return sum(1 for link in Path("/proc/self/fd").iterdir() if os.path.realpath(link).endswith(".h5"))


def test_a_file_is_opened_once_and_the_number_of_open_files_is_bounded(files: list[Path]) -> None:
    open_file = OpenFiles(limit=3)
    for _ in range(3):
        for path in files:
            with open_file(path) as first, open_file(path) as second:
                assert first is second
            assert handles() <= 3
    assert len(open_file) == 3


def test_the_file_that_was_not_read_for_longest_is_closed(files: list[Path]) -> None:
    open_file = OpenFiles(limit=2)
    kept = {}
    for path in (files[0], files[1], files[0], files[2]):
        with open_file(path) as file:
            kept[path] = file
    assert kept[files[0]].id.valid
    assert not kept[files[1]].id.valid


def test_a_file_that_failed_is_opened_anew(files: list[Path]) -> None:
    open_file = OpenFiles()
    with pytest.raises(InputError, match=r"0\.h5: .*cannot be read"), open_file(files[0]):
        raise OSError("stale file handle")
    assert len(open_file) == 0
    with open_file(files[0]) as file:
        assert read_dataset(file, "kspace").shape == (1, 2, 16, 16)


def test_handles_do_not_travel_to_other_processes(files: list[Path]) -> None:
    open_file = OpenFiles()
    with open_file(files[0]):
        pass
    assert len(pickle.loads(pickle.dumps(open_file))) == 0  # noqa: S301 - our own object


def test_what_cannot_be_opened_is_named(tmp_path: Path, files: list[Path]) -> None:
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(files[0].read_bytes()[:-100])
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "empty.h5").touch()
    for name, words in (
        ("truncated.h5", "truncated or damaged"),
        ("text.h5", "not HDF5"),
        ("empty.h5", "is empty"),
        ("none.h5", "no such file"),
    ):
        for opened in (open_hdf5, OpenFiles()):
            with pytest.raises(InputError, match=words) as caught, opened(tmp_path / name):
                pass
            assert name in str(caught.value)
