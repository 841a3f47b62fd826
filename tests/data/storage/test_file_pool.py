import multiprocessing
import os
import pickle
from pathlib import Path

import pytest

from helpers.files.raw_files import write_raw_file
from recon.data.errors import InputError
from recon.data.storage.file_pool import FilePool
from recon.data.storage.hdf5 import open_hdf5, read_dataset


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_raw_file(tmp_path / f"{index}.h5", slices=1, coils=2, matrix=(16, 16)) for index in range(5)]


def handles() -> int:
    return sum(1 for link in Path("/proc/self/fd").iterdir() if os.path.realpath(link).endswith(".h5"))


def test_a_file_is_opened_once_and_the_number_of_open_files_is_bounded(files: list[Path]) -> None:
    pool = FilePool(limit=3)
    with pool.in_use():
        for _ in range(3):
            for path in files:
                with open_hdf5(path) as first, open_hdf5(path) as second:
                    assert first is second
                assert handles() <= 3
    assert len(pool) == handles() == 3


def test_the_least_recently_used_file_is_closed(files: list[Path]) -> None:
    kept = {}
    with FilePool(limit=2).in_use():
        for path in (files[0], files[1], files[0], files[2]):
            with open_hdf5(path) as file:
                kept[path] = file
        assert kept[files[0]].id.valid
        assert not kept[files[1]].id.valid


def test_a_file_is_opened_again_after_a_failed_read(files: list[Path]) -> None:
    pool = FilePool()
    with pool.in_use():
        with pytest.raises(InputError, match=r"0\.h5: .*cannot be read"), open_hdf5(files[0]):
            raise OSError("stale file handle")
        assert len(pool) == 0
        with open_hdf5(files[0]) as file:
            assert read_dataset(file, "kspace").shape == (1, 2, 16, 16)


def test_the_pool_is_used_within_its_block_only(files: list[Path]) -> None:
    outer, inner = FilePool(), FilePool()
    with outer.in_use():
        with inner.in_use(), open_hdf5(files[0]):
            pass
        with open_hdf5(files[1]), open_hdf5(files[2]):
            pass
    with open_hdf5(files[3]):
        pass
    assert (len(outer), len(inner)) == (2, 1)


def test_handles_are_not_pickled(files: list[Path]) -> None:
    pool = FilePool()
    with pool.in_use(), open_hdf5(files[0]):
        pass
    assert len(pickle.loads(pickle.dumps(pool))) == 0  # noqa: S301 - our own object


def test_handles_are_not_shared_with_a_forked_process(files: list[Path]) -> None:
    pool = FilePool()

    def read_in_child(results: "multiprocessing.SimpleQueue[bool]") -> None:
        with pool.in_use(), open_hdf5(files[0]) as file:
            results.put(file is not parents and len(pool) == 1)

    with pool.in_use(), open_hdf5(files[0]) as parents:
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        child = context.Process(target=read_in_child, args=(results,))
        child.start()
        child.join(60)
        assert results.get()
