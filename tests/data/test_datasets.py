from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from data.datasets import FreshMasks, NamedMasks, SliceDataset, shuffled_batches
from data.errors import InputError
from data.files import Volume, open_volume
from data.masks import MaskKind, Sampling
from helpers.raw_files import write_raw_file

SAMPLINGS = (Sampling(MaskKind.RANDOM, 4, 0.08), Sampling(MaskKind.RANDOM, 8, 0.04))


@pytest.fixture
def volumes(tmp_path: Path) -> list[Volume]:
    return [open_volume(write_raw_file(tmp_path / f"{name}.h5", slices=3, matrix=(32, 80))) for name in "ab"]


def masks(dataset: SliceDataset) -> list[tuple[bool, ...]]:
    return [tuple(one.mask.flatten().tolist()) for one in DataLoader(dataset, batch_size=None)]


def test_slices_are_undersampled_files(volumes: list[Volume]) -> None:
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    assert len(dataset) == 6
    first, second = dataset[4], volumes[1].read(1)
    assert torch.equal(first.kspace, torch.where(first.mask, second.kspace, 0))
    assert second.target is not None
    assert torch.equal(first.target, second.target)
    assert first.maximum == volumes[1].read_target().max()


def test_batch_has_the_shapes_that_networks_take(volumes: list[Volume]) -> None:
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch.kspace.shape == (4, 4, 32, 80)
    assert batch.mask.shape == (4, 1, 1, 80)
    assert batch.target.shape == (4, 32, 80)
    assert batch.maximum.shape == (4,)


def test_fresh_masks_differ_between_slices_and_epochs_but_not_between_runs(volumes: list[Volume]) -> None:
    first, again, next_epoch, other_seed = (
        masks(SliceDataset(volumes, FreshMasks(SAMPLINGS, seed, epoch)))
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert first == again
    assert len(set(first + next_epoch + other_seed)) == 18


def test_fresh_masks_use_every_sampling(volumes: list[Volume]) -> None:
    counts = {
        sum(mask) > 15 for epoch in range(5) for mask in masks(SliceDataset(volumes, FreshMasks(SAMPLINGS, 0, epoch)))
    }
    assert counts == {True, False}


def test_named_masks_depend_on_the_name_alone(volumes: list[Volume], tmp_path: Path) -> None:
    drawn = masks(SliceDataset(volumes, NamedMasks(SAMPLINGS)))
    assert len(set(drawn[:3])) == len(set(drawn[3:])) == 1
    assert drawn[0] != drawn[3]
    elsewhere = open_volume(write_raw_file(tmp_path / "elsewhere" / "a.h5", slices=1, matrix=(32, 80)))
    assert masks(SliceDataset([elsewhere], NamedMasks(SAMPLINGS))) == drawn[:1]


def test_range_is_taken_from_the_target_where_the_file_does_not_tell(tmp_path: Path) -> None:
    path = write_raw_file(tmp_path / "a.h5", slices=3)
    volume = open_volume(path)
    with h5py.File(path, "r+") as file:
        del file.attrs["max"]
    again = open_volume(path)
    undersample = NamedMasks(SAMPLINGS)
    assert SliceDataset([again], undersample)[0].maximum == SliceDataset([volume], undersample)[0].maximum


def test_files_that_cannot_be_trained_on_are_named(tmp_path: Path) -> None:
    without_target = open_volume(write_raw_file(tmp_path / "test.h5", target=False))
    with pytest.raises(InputError, match=r"test\.h5: has no target"):
        SliceDataset([without_target], NamedMasks(SAMPLINGS))
    prospective = open_volume(write_raw_file(tmp_path / "fast.h5", mask=np.arange(40) % 2 == 0))
    with pytest.raises(InputError, match=r"fast\.h5: was undersampled by the scanner"):
        SliceDataset([prospective], NamedMasks(SAMPLINGS))


@given(kinds=st.lists(st.integers(0, 3), max_size=40), size=st.integers(1, 5), seed=st.integers(0, 9))
def test_batches_hold_every_slice_once_and_one_shape_each(kinds: list[int], size: int, seed: int) -> None:
    shapes = [(4, 32, kind) for kind in kinds]
    batches = shuffled_batches(shapes, size, (seed,))
    assert Counter(index for batch in batches for index in batch) == Counter(range(len(kinds)))
    assert all(len({shapes[index] for index in batch}) == 1 for batch in batches)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert batches == shuffled_batches(shapes, size, (seed,))


def test_order_changes_with_the_seed() -> None:
    shapes = [(1, 2, 3)] * 20
    assert shuffled_batches(shapes, 1, (0, 0)) != shuffled_batches(shapes, 1, (0, 1))
