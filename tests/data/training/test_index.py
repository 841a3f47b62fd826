import json
import os
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Header
from recon.data.errors import InputError
from recon.data.formats.fastmri.layout import FastMRIVolume, open_fastmri
from recon.data.open import open_volume
from recon.data.training.index import index_files, load_index


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unrolled-recon" / "index"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    header = Header(crop=(24, 20), padding=(2, 37), field_of_view=(240.0, 200.0), field_strength=3.0, contrast="AXT2")
    write_raw_file(tmp_path / "raw" / "a.h5", slices=3, header=header)
    write_raw_file(tmp_path / "raw" / "b.h5", coils=7, matrix=(40, 32))
    write_raw_file(tmp_path / "raw" / "c.h5", mask=np.arange(40) % 3 == 0, target=False)
    return tmp_path / "raw"


def count_opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    opened: list[Path] = []
    monkeypatch.setattr(
        "recon.data.training.index.open_fastmri", lambda path: opened.append(path) or open_fastmri(path)
    )
    return opened


def test_an_indexed_volume_equals_the_opened_one(folder: Path) -> None:
    for _ in ("built", "read back"):
        for volume in index_files([folder]).volumes:
            opened = open_fastmri(volume.path)
            for name in ("path", "shape", "header", "target_name", "target_size", "target_max"):
                assert getattr(volume, name) == getattr(opened, name)
            assert (volume.mask is None) == (opened.mask is None)
            assert volume.mask is None or np.array_equal(volume.mask, opened.mask)
            assert torch.equal(volume.read(1).kspace, opened.read(1).kspace)


def test_the_second_time_no_file_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = index_files([folder])
    opened = count_opened(monkeypatch)
    assert index_files([folder]) == first
    assert opened == []


def test_a_changed_file_is_opened_again_and_a_deleted_one_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_files([folder])
    (folder / "a.h5").unlink()
    changed = write_raw_file(folder / "b.h5", slices=5)
    opened = count_opened(monkeypatch)
    index = index_files([folder])
    assert opened == [changed]
    assert [volume.shape[0] for volume in index.volumes] == [5, 2]
    assert list(json.loads((folder.parent / ".raw.index.json").read_text())["entries"]) == ["b.h5", "c.h5"]


def test_nothing_is_written_into_the_folder(folder: Path) -> None:
    before = set(folder.iterdir())
    index_files([folder])
    assert set(folder.iterdir()) == before


def test_the_index_goes_to_the_cache_if_it_cannot_be_written_beside_the_data(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / ".raw.index.json").mkdir()  # a path that even root cannot write to
    first = index_files([folder])
    assert len(list(cache.iterdir())) == 1
    opened = count_opened(monkeypatch)
    assert index_files([folder]) == first
    assert opened == []


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "{", '{"format": 1}', '{"format": 0, "entries": {}}'])
def test_a_damaged_index_is_built_again(folder: Path, content: str) -> None:
    first = index_files([folder])
    place = folder.parent / ".raw.index.json"
    good = place.read_text()
    place.write_text(content)
    assert index_files([folder]) == first
    assert place.read_text() == good


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shape", [20_000, 4, 48, 40]),
        ("shape", [2, 4, 40, 48]),
        ("padding", [8, 30]),
        ("crop", [4, 4]),
        ("target_max", 1e-3),
        ("target_name", None),
        ("target_size", [4, 4]),
    ],
)
def test_an_index_that_was_edited_is_not_believed(folder: Path, name: str, value: object) -> None:
    first = index_files([folder])
    place = folder.parent / ".raw.index.json"
    stored = json.loads(place.read_text())
    for sealed in stored["entries"].values():
        entry = json.loads(sealed["entry"])
        (entry["header"] if name in entry["header"] else entry)[name] = value
        sealed["entry"] = json.dumps(entry)
    place.write_text(json.dumps(stored))
    assert index_files([folder]) == first


def test_an_entry_is_not_believed_of_another_file(folder: Path) -> None:
    index_files([folder])
    place = folder.parent / ".raw.index.json"
    stored = json.loads(place.read_text())
    first, second, _ = entries = stored["entries"]
    entries[first], entries[second] = entries[second], entries[first]
    place.write_text(json.dumps(stored))
    assert not {first, second} & set(load_index(folder))


def test_an_index_that_came_from_another_machine_is_built_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = index_files([folder])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    opened = count_opened(monkeypatch)
    assert index_files([folder]) == first
    assert len(opened) == 3
    assert index_files([folder]) == first
    assert len(opened) == 3
    assert (tmp_path / "elsewhere" / "unrolled-recon" / "index.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"format": 4}', '{"format": 4, "entries": {"a.h5": 3}}', '{"format": 4, "entries": []}', "\xff"],
)
def test_a_hostile_index_is_built_again(folder: Path, content: str) -> None:
    first = index_files([folder])
    (folder.parent / ".raw.index.json").write_text(content, encoding="latin-1")
    assert index_files([folder]) == first


def test_without_a_cache_the_index_is_built_every_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    opened = count_opened(monkeypatch)
    assert index_files([folder]) == index_files([folder])
    assert len(opened) == 6


def test_bad_files_are_reported_and_the_others_are_indexed(folder: Path) -> None:
    whole = (folder / "a.h5").read_bytes()
    (folder / "bad.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "text.h5").write_text("no HDF5")
    for _ in ("built", "read back"):
        index = index_files([folder])
        assert [path.name for path in index.entries] == ["a.h5", "b.h5", "c.h5"]
        assert len(index.problems) == 2
        assert "bad.h5" in index.problems[0]
        assert "text.h5" in index.problems[1]
    with pytest.raises(InputError, match=r"bad\.h5: the HDF5 file is truncated"):
        index_files([folder], strict=True)


def test_folders_and_files_can_be_mixed_and_names_repeated(folder: Path, tmp_path: Path) -> None:
    other = write_raw_file(tmp_path / "other" / "a.h5", slices=1)
    index = index_files([other, folder, folder / "b.h5"])
    assert [path.name for path in index.entries] == ["a.h5", "a.h5", "b.h5", "c.h5"]


@pytest.mark.slow
def test_several_processes_give_the_same_index_as_one(folder: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(40):
        shutil.copy(folder / ("a.h5", "b.h5")[number % 2], many / f"{number:02d}.h5")
    calls: list[tuple[int, int]] = []
    index = index_files([many], progress=lambda done, total: calls.append((done, total)))
    assert calls == [(count, 40) for count in range(1, 41)]
    assert [volume.shape for volume in index.volumes] == [open_volume(path).shape for path in sorted(many.iterdir())]


def test_a_file_that_crashes_its_process_is_reported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(40):
        shutil.copy(folder / "a.h5", many / f"{number:02d}.h5")

    def crash_at_33(path: Path) -> FastMRIVolume:
        if path.name == "33.h5":
            os.kill(os.getpid(), signal.SIGKILL)
        return open_fastmri(path)

    monkeypatch.setattr("recon.data.training.index.open_fastmri", crash_at_33)
    index = index_files([many])
    assert len(index.entries) == 39
    assert len(index.problems) == 1
    assert index.problems[0].startswith(f"{many / '33.h5'}: the file is so badly damaged that opening it crashes")


def test_the_largest_value_is_computed_if_the_file_does_not_hold_it(folder: Path) -> None:
    with h5py.File(folder / "a.h5", "r+") as file:
        largest = file.attrs["max"]
        del file.attrs["max"]
    assert index_files([folder]).entries[folder / "a.h5"].target_max == pytest.approx(largest)


def test_an_indexed_file_is_not_opened_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = index_files([folder]).entries
    monkeypatch.setattr("recon.data.training.index._examine", lambda path: pytest.fail(f"{path} was opened again"))
    assert index_files([folder]).entries == before
