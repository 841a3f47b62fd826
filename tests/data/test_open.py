from pathlib import Path

import pytest
import torch

from recon.data.errors import InputError
from recon.data.open import find_files, list_files, open_volume


def test_a_folder_stands_for_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.h5", "a.h5", "notes.txt", "c.hdf5"):
        (tmp_path / name).touch()
    assert [path.name for path in find_files([tmp_path])] == ["a.h5", "b.h5", "c.hdf5"]


def test_a_file_given_twice_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a.h5").touch()
    assert len(find_files([tmp_path, tmp_path / "a.h5"])) == 1


def test_two_files_of_one_name_are_refused_because_their_results_would_be_one_file(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.h5").touch()
    with pytest.raises(InputError, match="same name"):
        find_files([tmp_path / "x", tmp_path / "y"])


@pytest.mark.parametrize(("one", "other"), [("a.npy", "a.npy.h5"), ("a.cfl", "a.cfl.h5"), ("a.mat", "a.mat.h5")])
def test_two_files_whose_results_would_be_one_file_are_refused(tmp_path: Path, one: str, other: str) -> None:
    for name in (one, other):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="result of the same name"):
        find_files([tmp_path])


def test_hidden_files_are_not_listed(tmp_path: Path) -> None:
    for name in ("._scan.h5", "scan.h5", ".scan.mat"):
        (tmp_path / name).touch()
    assert [path.name for path in list_files([tmp_path])] == ["scan.h5"]


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no raw-data file"):
        find_files([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_files([tmp_path / "missing"])


@pytest.mark.parametrize("isolate", [True, False])
def test_only_isolated_files_are_opened_in_a_child_process_first(
    raw_file: Path, isolate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []
    monkeypatch.setattr("recon.data.open.try_in_child", lambda path, _: tried.append(path))
    assert open_volume(raw_file, isolate=isolate).shape == (2, 4, 48, 40)
    assert tried == ([raw_file] if isolate else [])


def test_a_path_may_be_a_string(raw_file: Path) -> None:
    by_string, by_path = open_volume(str(raw_file)), open_volume(raw_file)
    assert by_string.path == raw_file
    assert torch.equal(by_string.read(1).kspace, by_path.read(1).kspace)
