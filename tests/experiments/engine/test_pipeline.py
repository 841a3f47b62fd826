"""Slices are read, and images written, in other threads: in order, within bounds, and no error is lost."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.files.raw_files import write_raw_file
from helpers.scans.slices import random_acquisition
from recon.data.acquisition import Acquisition
from recon.data.errors import DiskFullError, InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import open_volume
from recon.experiments.console import Problems
from recon.experiments.engine.pipeline import WriteBehind, prefetched
from recon.experiments.engine.run import Runner
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.preprocessing.steps import parse_steps, stepped
from recon.registry import create

SOON = 30
"""Seconds after which a test that waits for another thread has failed."""


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@given(items=st.lists(st.one_of(st.none(), st.integers())), ahead=st.integers(1, 4))
def test_all_items_come_in_order(items: list[int | None], ahead: int) -> None:
    assert list(prefetched(iter(items), ahead)) == items


@pytest.mark.parametrize("ahead", [1, 3])
def test_the_next_items_are_read_while_one_is_in_use_and_no_more(ahead: int) -> None:
    read: list[int] = []
    enough = threading.Event()

    def source() -> Iterator[int]:
        for number in range(20):
            read.append(number)
            if number == ahead:
                enough.set()
            yield number

    items = prefetched(source(), ahead)
    assert next(items) == 0
    assert enough.wait(SOON)  # nobody has asked for these items
    for number in range(1, 20):
        assert len(read) <= number + ahead
        assert next(items) == number


def test_an_error_of_reading_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 0
        yield 1
        raise InputError("slice 2 cannot be read")

    items = prefetched(source(), 5)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(InputError, match="slice 2"):
        next(items)
    assert readers() == []


@pytest.mark.parametrize("error", [InputError("no image"), KeyboardInterrupt()])
def test_no_thread_outlives_a_caller_that_stops(error: BaseException) -> None:
    def use() -> None:
        items = prefetched(iter(range(1000)), 3)
        try:
            for item in items:
                if item == 5:
                    raise error
        finally:
            items.close()

    with pytest.raises(type(error)):
        use()
    assert readers() == []


def test_an_error_of_the_method_ends_the_volume_and_its_reader() -> None:
    slices = [random_acquisition(seed=seed) for seed in range(4)]
    slices[2].kspace[0, 3, 4] = torch.nan
    with pytest.raises(InputError, match="is not finite") as caught:
        Runner("zero-filled", create("zero-filled")).volume(slices)
    assert readers() == []
    assert caught.tb  # which holds all that the engine held


@pytest.mark.parametrize("name", ["zero-filled", "sense", "grappa", "cs-wavelet"])
def test_images_are_those_of_slices_read_one_by_one(tmp_path: Path, name: str) -> None:
    steps = parse_steps("prewhiten,virtual_coils=3")
    volume = stepped(open_volume(write_raw_file(tmp_path / "discs.h5", slices=4)), steps)
    scan = SampledVolume(volume, Sampling(MaskKind.EQUISPACED, 2, 0.2))
    runner = Runner(name, create(name))
    alone: list[Acquisition] = [scan.read(index) for index in range(len(scan))]
    expected = np.stack([result.image for result in runner.slices(alone)])
    assert (runner.volume(scan).images == expected).all()


def test_work_is_done_while_the_caller_goes_on_and_one_after_the_other() -> None:
    done: list[int] = []
    go_on = threading.Event()

    def slow() -> None:
        assert go_on.wait(SOON)
        done.append(0)

    with WriteBehind(nullcontext) as writer:
        writer.put(slow)
        assert done == []  # and yet the caller is here
        go_on.set()
        for number in range(1, 5):
            writer.put(partial(done.append, number))
            assert done[:number] == list(range(number))
    assert done == [0, 1, 2, 3, 4]


def test_an_error_of_one_work_is_collected_and_the_others_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise InputError("a.h5: cannot be written")

    done: list[int] = []
    problems = Problems()
    with WriteBehind(problems.collect) as writer:
        writer.put(fail)
        writer.put(partial(done.append, 1))
        writer.put(fail)
    assert (problems.sentences, done) == (["a.h5: cannot be written"], [1])
    assert capsys.readouterr().err == "error: a.h5: cannot be written\n"


def test_a_full_disk_ends_the_run() -> None:
    def fill() -> None:
        raise DiskFullError("the disk is full")

    with pytest.raises(DiskFullError), WriteBehind(Problems().collect) as writer:
        writer.put(fill)
        writer.put(pytest.fail)


def test_what_was_computed_is_written_before_ctrl_c_ends_the_run() -> None:
    done: list[int] = []

    def use() -> None:
        with WriteBehind(nullcontext) as writer:
            writer.put(partial(done.append, 1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert done == [1]
