from pathlib import Path

import pytest

from recon.data.errors import InputError
from recon.data.open import find_files


def test_folders_are_replaced_by_their_files_in_order(tmp_path: Path) -> None:
    for name in ("b.h5", "a.h5", "notes.txt", "c.hdf5"):
        (tmp_path / name).touch()
    assert [path.name for path in find_files([tmp_path])] == ["a.h5", "b.h5", "c.hdf5"]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "a.h5").touch()
    assert len(find_files([tmp_path, tmp_path / "a.h5"])) == 1


def test_two_files_of_one_name_are_refused_because_their_results_would_be_one_file(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.h5").touch()
    with pytest.raises(InputError, match="same name"):
        find_files([tmp_path / "x", tmp_path / "y"])


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no raw-data file"):
        find_files([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_files([tmp_path / "missing"])
