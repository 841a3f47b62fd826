import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from helpers.files.raw_files import edit, write_raw_file
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.data.training.datasets import FreshMasks, Slice, SliceDataset
from recon.experiments.training.input.reading import read_batches, whole_steps

CPU = torch.device("cpu")


def slices(folder: Path, *damaged: str) -> SliceDataset:
    volumes = []
    for name, matrix in (("a", (16, 12)), ("b", (16, 12)), ("c", (18, 12))):
        path = write_raw_file(folder / f"{name}.h5", coils=2, matrix=matrix)
        if name in damaged:
            edit(path, kspace=torch.full((2, 2, *matrix), torch.nan, dtype=torch.complex64).numpy())
        volumes.append(open_volume(path))
    return SliceDataset(volumes, FreshMasks((Sampling(MaskKind.RANDOM, 2, 0.3),), seed=0, epoch=0))


def test_batches_come_in_order_and_say_which_slices_they_hold(tmp_path: Path) -> None:
    batches = list(read_batches(slices(tmp_path), [[2, 0], [5]], workers=0, device=CPU))
    assert [batch.indices for batch in batches] == [[2, 0], [5]]
    assert batches[0].slices.kspace.shape == (2, 2, 16, 12)
    assert not any(batch.unreadable for batch in batches)


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_slice_is_replaced_by_one_of_its_shape(tmp_path: Path, workers: int) -> None:
    batches = list(read_batches(slices(tmp_path, "b"), [[1, 3]], workers, CPU))
    assert batches[0].indices == [1, 0]
    assert len(batches[0].unreadable) == 1
    assert "b.h5: the k-space of slice 1 holds NaN" in batches[0].unreadable[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_slice_that_nothing_can_replace_is_reported_in_one_sentence(tmp_path: Path, workers: int) -> None:
    with pytest.raises(InputError, match=r"^\S*c\.h5: the k-space of slice 0 holds NaN or Inf$"):
        list(read_batches(slices(tmp_path, "c"), [[4]], workers, CPU))


def test_no_more_processes_are_started_than_cores_are_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})  # torch warns of the second process
    batches = list(read_batches(slices(tmp_path), [[0], [1], [2]], workers=2, device=CPU))
    assert [batch.indices for batch in batches] == [[0], [1], [2]]


class Deadly(SliceDataset):
    """Kills the process that reads slice `index`, the first `times` times."""

    def __init__(self, slices: SliceDataset, counter: Path, index: int, times: int) -> None:
        self.__dict__ |= slices.__dict__
        self._counter, self._index, self._times = counter, index, times

    def __getitem__(self, index: int) -> Slice:
        deaths = self._counter.stat().st_size if self._counter.exists() else 0
        if index == self._index and deaths < self._times:
            self._counter.write_bytes(b"x" * (deaths + 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check for killed processes more often than torch does."""
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.3,))


@pytest.mark.usefixtures("impatient")
def test_killed_process_is_replaced_and_no_batch_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deadly = Deadly(slices(tmp_path), tmp_path / "deaths", index=2, times=1)
    handler = signal.getsignal(signal.SIGCHLD)
    batches = list(read_batches(deadly, [[0], [1], [2], [3], [4]], workers=2, device=CPU))
    assert [batch.indices for batch in batches] == [[0], [1], [2], [3], [4]]
    printed = capsys.readouterr().err
    assert printed.count("was killed") == 1
    assert signal.getsignal(signal.SIGCHLD) == handler


@pytest.mark.parametrize("error", [ConnectionResetError, EOFError])
def test_tensor_lost_with_a_killed_process_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    errors, get = [error()], _MultiProcessingDataLoaderIter._try_get_data

    def lose_one(loading: _MultiProcessingDataLoaderIter, timeout: float = 5) -> tuple[bool, Any]:
        if errors:
            raise errors.pop()
        return get(loading, timeout)

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_try_get_data", lose_one)
    batches = list(read_batches(slices(tmp_path), [[0], [1], [2]], workers=1, device=CPU))
    assert [batch.indices for batch in batches] == [[0], [1], [2]]


@pytest.mark.usefixtures("impatient")
def test_slice_that_kills_every_process_is_named(tmp_path: Path) -> None:
    deadly = Deadly(slices(tmp_path), tmp_path / "deaths", index=2, times=9)
    with pytest.raises(InputError, match=r"b\.h5, slice 0: two processes were killed while reading this"):
        list(read_batches(deadly, [[0], [1], [2], [3]], workers=2, device=CPU))


def test_steps_that_are_left_are_whole_after_a_change_of_their_size() -> None:
    assert "".join(whole_steps("abcdef", 4, done=3)) == "abcdefa"
    assert "".join(whole_steps("abcdef", 4, done=6)) == "abcdef"
    assert len(whole_steps("abc", 2, done=6)) == 6


@pytest.mark.parametrize(("count", "per_step", "expected"), [(5, 2, "abcdea"), (4, 2, "abcd"), (1, 3, "aaa")])
def test_steps_are_whole(count: int, per_step: int, expected: str) -> None:
    assert "".join(whole_steps(list("abcde")[:count], per_step)) == expected
