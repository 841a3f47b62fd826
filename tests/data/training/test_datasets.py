from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import torch
from fastmri.data.mri_data import SliceDataset as FastMRIDataset
from fastmri.data.subsample import create_mask_for_mask_type
from fastmri.data.transforms import VarNetDataTransform
from torch.utils.data import DataLoader

from helpers.files.raw_files import edit, write_raw_file
from helpers.scans.slices import random_kspace
from recon.data.acquisition import Header
from recon.data.errors import InputError, plain_errors
from recon.data.masks.kind import LINES, MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.open import Volume, open_volume
from recon.data.training.collate import collate
from recon.data.training.datasets import FreshMasks, NamedMasks, SliceDataset, shuffled_batches

SAMPLINGS = (Sampling(MaskKind.RANDOM, 4, 0.08), Sampling(MaskKind.RANDOM, 8, 0.04))


@pytest.fixture
def volumes(tmp_path: Path) -> list[Volume]:
    return [open_volume(write_raw_file(tmp_path / f"{name}.h5", slices=3, matrix=(32, 80))) for name in "ab"]


def masks(dataset: SliceDataset) -> list[tuple[bool, ...]]:
    return [tuple(one.mask.flatten().tolist()) for one in DataLoader(dataset, batch_size=None)]


def test_slices_are_undersampled_slices_of_the_files(volumes: list[Volume]) -> None:
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    assert len(dataset) == 6
    first, second = dataset[4], volumes[1].read(1)
    assert torch.equal(first.kspace, torch.where(first.mask, second.kspace, 0))
    assert second.target is not None
    assert torch.equal(first.target, second.target)
    assert first.maximum == volumes[1].read_target().max()


def test_a_separate_reference_scan_comes_with_its_slice(
    volumes: list[Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = random_kspace(4, 32, 12)
    read = type(volumes[0]).read
    monkeypatch.setattr(type(volumes[0]), "read", lambda *given: replace(read(*given), calibration=lines))
    slice_ = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))[0]
    assert torch.equal(slice_.calibration[..., 34:46], lines)
    assert slice_.acceleration == pytest.approx(80 / int(slice_.mask.sum()))


def test_a_batch_has_the_shapes_that_networks_take(volumes: list[Volume]) -> None:
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    batch = next(iter(DataLoader(dataset, batch_size=4, collate_fn=collate)))
    assert batch.kspace.shape == (4, 4, 32, 80)
    assert batch.mask.shape == (4, 1, 1, 80)
    assert batch.target.shape == (4, 32, 80)
    assert batch.maximum.shape == (4,)


def test_slices_share_a_batch_only_if_their_targets_have_one_size(tmp_path: Path) -> None:
    paths = [write_raw_file(tmp_path / f"{name}.h5", matrix=(32, 80)) for name in "abc"]
    edit(paths[1], reconstruction_rss=np.ones((2, 32, 32), np.float32))  # the same header and crop
    dataset = SliceDataset(list(map(open_volume, paths)), FreshMasks(SAMPLINGS, seed=0, epoch=0))
    batches = shuffled_batches(dataset.shapes(), 4, seed=(0,))
    assert sorted(tuple(collate([dataset[index] for index in batch]).target.shape) for batch in batches) == [
        (2, 32, 32),
        (4, 32, 80),
    ]


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


@pytest.mark.parametrize("kind", LINES)
def test_validation_slices_equal_those_of_fastmri(tmp_path: Path, kind: MaskKind) -> None:
    for index in range(4):
        header = Header(crop=(32, 80), padding=(index, 80 - 2 * index))
        write_raw_file(tmp_path / f"file{index}.h5", matrix=(40, 80), header=header)
    ours = SliceDataset(
        [open_volume(path) for path in sorted(tmp_path.iterdir())],
        NamedMasks((Sampling(kind, 4, 0.08), Sampling(kind, 8, 0.04))),
    )
    function = create_mask_for_mask_type(kind, [0.08, 0.04], [4, 8])
    theirs = FastMRIDataset(tmp_path, "multicoil", VarNetDataTransform(function))
    assert len(ours) == len(theirs) == 8
    for one, other in zip(DataLoader(ours, batch_size=None), theirs, strict=False):
        assert torch.equal(one.mask.flatten(), other.mask.flatten())
        assert torch.equal(one.kspace, torch.view_as_complex(other.masked_kspace))
        assert torch.equal(one.target, other.target)
        assert one.maximum == pytest.approx(other.max_value)


def test_worker_processes_give_the_same_slices(volumes: list[Volume]) -> None:
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    for size in (1, 2):
        alone, helped = (list(DataLoader(dataset, size, num_workers=n, collate_fn=collate)) for n in (0, 1))
        for one, other in zip(alone, helped, strict=True):
            assert all(torch.equal(*pair) for pair in zip(one[:5], other[:5], strict=True))


@pytest.mark.slow
def test_two_thousand_reads_do_not_leak_memory_or_handles(tmp_path: Path) -> None:
    volumes = [open_volume(write_raw_file(tmp_path / f"{index}.h5", slices=5)) for index in range(40)]
    dataset = SliceDataset(volumes, FreshMasks(SAMPLINGS, seed=0, epoch=0))
    order = np.random.default_rng(0).integers(len(dataset), size=2300).tolist()
    for index in order[:300]:
        dataset[index]
    process = psutil.Process()
    before = process.memory_info().rss
    for index in order[300:]:
        dataset[index]
    # A slice has 60 kB: were one in ten kept, it would be more.
    assert process.memory_info().rss - before < 4 * 2**20
    assert len(process.open_files()) <= 40


def spoil(volume: Volume, number: int) -> None:
    with h5py.File(volume.path, "r+") as file:
        file["kspace"][number, 0, 0, 0] = np.nan


def test_an_unreadable_slice_is_named_even_by_a_worker_process(volumes: list[Volume]) -> None:
    spoil(volumes[0], 1)
    dataset = SliceDataset(volumes, NamedMasks(SAMPLINGS))
    with pytest.raises(InputError, match=r"a\.h5: the k-space of slice 1 holds NaN or Inf$"), plain_errors():
        list(DataLoader(dataset, batch_size=None, num_workers=1))
