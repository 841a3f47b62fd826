import errno
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.files.raw_files import write_raw_file
from recon.data.acquisition import Acquisition, Header
from recon.data.formats.fastmri.layout import write_volume
from recon.data.open import Volume, open_volume
from recon.data.training.preprocessed import PreprocessedVolume, preprocessed
from recon.data.training.selection import SomeSlices
from recon.preprocessing.steps import Steps

QUARTER = Steps(("remove_oversampling", "virtual_coils=8"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    header = Header(crop=(64, 60), padding=(0, 60))
    path = write_raw_file(tmp_path / "raw" / "knee.h5", slices=3, coils=16, matrix=(128, 60))
    volume = open_volume(path)
    kspace = np.stack([volume.read(index).kspace.numpy() for index in range(3)])
    return rewrite(path, kspace, header)


def rewrite(path: Path, kspace: np.ndarray, header: Header) -> Path:
    write_volume(path, kspace, header, np.ones((len(kspace), *header.crop), np.float32))
    return path


def wrap(path: Path, cache: Path | None, steps: Steps = QUARTER) -> Volume:
    (volume,) = preprocessed([open_volume(path)], steps, cache)
    return volume


def kept(cache: Path) -> list[Path]:
    return sorted(file for file in cache.rglob("*") if file.is_file())


def assert_same(ours: Acquisition, others: Acquisition) -> None:
    assert (ours.name, ours.slice, ours.header) == (others.name, others.slice, others.header)
    for name in ("kspace", "mask", "target"):
        one, other = getattr(ours, name), getattr(others, name)
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)


def test_a_cached_slice_equals_the_preprocessed_one(path: Path, tmp_path: Path) -> None:
    fresh, keeping = wrap(path, None), wrap(path, tmp_path / "cache")
    for index in range(3):
        for _ in ("made", "kept"):
            assert_same(keeping.read(index), fresh.read(index))
        assert keeping.shape[1:] == keeping.read(index).kspace.shape
    assert len(kept(tmp_path / "cache")) == 3


def test_a_cached_slice_keeps_its_completed_padding(tmp_path: Path) -> None:
    mask = np.arange(40) >= 10
    path = write_raw_file(tmp_path / "partial.h5", mask=mask, header=Header(crop=(48, 40), padding=(10, 40)))
    volume = wrap(path, tmp_path / "cache", Steps(("pocs",)))
    made = volume.read(0)
    assert (volume.header.padding, made.header.padding) == ((10, 40), (0, 40))
    assert_same(volume.read(0), made)


def test_cached_slices_take_a_quarter_of_the_space_and_replace_the_raw_data(path: Path, tmp_path: Path) -> None:
    volume = wrap(path, tmp_path / "cache")
    first = [volume.read(index) for index in range(3)]
    raw = np.prod(volume.volume.shape) * 8
    targets = 3 * 64 * 60 * 4
    assert sum(file.stat().st_size for file in kept(tmp_path / "cache")) < 0.25 * raw + targets + 3 * 1024
    path.unlink()
    for index in range(3):
        assert_same(volume.read(index), first[index])


def test_overwriting_a_slice_does_not_change_the_cache(path: Path, tmp_path: Path) -> None:
    volume = wrap(path, tmp_path / "cache")
    first = volume.read(0).kspace.clone()
    volume.read(0).kspace.zero_()
    assert torch.equal(volume.read(0).kspace, first)


def test_another_preprocessing_or_a_changed_file_is_cached_separately(path: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wrap(path, cache).read(0)
    wrap(path, cache, Steps(("remove_oversampling", "virtual_coils=4"))).read(0)
    wrap(path, cache, Steps(("virtual_coils=8",))).read(0)
    assert len(kept(cache)) == 3
    brighter = np.stack([2 * open_volume(path).read(index).kspace.numpy() for index in range(3)])
    rewrite(path, brighter, open_volume(path).header)
    assert_same(wrap(path, cache).read(0), wrap(path, None).read(0))
    assert len(kept(cache)) == 4


def test_a_damaged_cached_slice_is_replaced(path: Path, tmp_path: Path) -> None:
    volume = wrap(path, tmp_path / "cache")
    first = volume.read(0)
    (file,) = kept(tmp_path / "cache")
    whole = file.read_bytes()
    for damaged in (b"", whole[:100], whole[:-10]):
        file.write_bytes(damaged)
        assert_same(volume.read(0), first)
        assert file.read_bytes() == whole


def test_a_full_disk_gives_a_warning_and_the_run_goes_on(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("recon.data.training.preprocessed.save_file", full)
    volume = wrap(path, tmp_path / "cache")
    with pytest.warns(RuntimeWarning, match="cannot be cached.*the disk is full"):
        assert_same(volume.read(0), wrap(path, None).read(0))
    assert kept(tmp_path / "cache") == []


def test_selected_slices_keep_their_number(path: Path, tmp_path: Path) -> None:
    (part,) = preprocessed([SomeSlices(open_volume(path), (2,))], QUARTER, tmp_path / "cache")
    assert isinstance(part, PreprocessedVolume)
    for _ in ("made", "kept"):
        assert part.read(0).slice == part.number(0) == 2
    assert_same(part.read(0), wrap(path, tmp_path / "cache").read(2))
