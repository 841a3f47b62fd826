from pathlib import Path

import pytest

from helpers.files.raw_files import write_raw_file
from recon.data.errors import InputError
from recon.data.storage.file_pool import FilePool
from recon.data.storage.hdf5 import open_hdf5


@pytest.mark.parametrize("pooled", [False, True])
def test_the_error_names_the_file_and_the_problem(tmp_path: Path, pooled: bool) -> None:
    whole = write_raw_file(tmp_path / "whole.h5", slices=1, coils=2, matrix=(16, 16))
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(whole.read_bytes()[:-100])
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "empty.h5").touch()

    def open_and_close(path: Path) -> None:
        with open_hdf5(path):
            pass

    for name, words in (
        ("truncated.h5", "truncated or damaged"),
        ("text.h5", "not HDF5"),
        ("empty.h5", "is empty"),
        ("none.h5", "no such file"),
    ):
        with pytest.raises(InputError, match=words) as error:
            if pooled:
                with FilePool().in_use():
                    open_and_close(tmp_path / name)
            else:
                open_and_close(tmp_path / name)
        assert name in str(error.value)


def test_without_a_pool_the_file_is_closed_after_the_block(raw_file: Path) -> None:
    with open_hdf5(raw_file) as file:
        pass
    assert not file.id.valid
