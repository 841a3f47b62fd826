from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from helpers.learned.networks import SMALL
from helpers.scans.series import MovingVolume, moving_object
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling
from recon.data.training.collate import collate
from recon.data.training.datasets import FreshMasks, NamedMasks, Slice
from recon.data.training.series import SeriesDataset, VolumeSeries
from recon.experiments.training.input.preparation import series_centred
from recon.models.networks.series.series_network import takes_series
from recon.models.objectives import Supervised
from recon.models.zoo import NETWORKS, build

KT = Sampling(MaskKind.KT_EQUISPACED, 4, 0.0)
FRAMES = 5


def undersampled(series: Sequence[Acquisition]) -> list[Acquisition]:
    return series_centred(series, FreshMasks((KT,), seed=0, epoch=0))


@pytest.fixture
def volume() -> MovingVolume:
    return MovingVolume(moving_object(FRAMES))


def test_an_example_is_a_whole_series_with_masks_of_its_own_in_every_frame(volume: MovingVolume) -> None:
    dataset = SeriesDataset(VolumeSeries([volume]), undersampled)
    assert dataset.shapes() == [(FRAMES, 3, 32, 24)]
    (example,) = dataset
    assert example.kspace.shape == (FRAMES, 3, 32, 24)
    assert example.mask.shape == (FRAMES, 1, 1, 24)
    assert example.target.shape == (FRAMES, 32, 24)
    assert torch.equal(example.kspace != 0, (example.mask & (example.kspace != 0)))
    masks = example.mask[:, 0, 0]
    assert all(not (one & other).any() for one, other in pairwise(masks))
    assert masks[:4].any(0).all()
    assert torch.equal(example.maximum, torch.full((FRAMES,), float(example.target.max())))
    assert example.calibration is not None  # the mean over time


def test_successive_frames_are_chosen_anew_in_every_epoch(volume: MovingVolume) -> None:
    taken = set()
    for epoch in range(10):
        (example,) = SeriesDataset(VolumeSeries([volume]), undersampled, frames=2, seed=(0, epoch))
        assert len(example.kspace) == 2
        targets = [frame.target for frame in volume.frames]
        first = next(n for n in range(FRAMES) if torch.equal(example.target[0], targets[n]))
        assert torch.equal(example.target[1], targets[first + 1])
        taken.add(first)
    assert len(taken) > 1
    (whole,) = SeriesDataset(VolumeSeries([volume]), undersampled, frames=99)
    assert len(whole.kspace) == FRAMES


def test_images_without_counters_are_series_of_one_frame() -> None:
    plain = [replace(frame, header=replace(frame.header, frames=None)) for frame in moving_object(2)]
    source = VolumeSeries([MovingVolume(plain)])
    assert [len(source[index]) for index in range(len(source))] == [1, 1]
    assert source.where(1) == "moving.h5, slices 1 to 1"


def test_a_series_without_targets_is_refused(volume: MovingVolume) -> None:
    without = MovingVolume([replace(frame, target=None) for frame in volume.frames])
    with pytest.raises(InputError, match="has no target that fits it"):
        SeriesDataset(VolumeSeries([without]), undersampled)[0]


def test_the_masks_of_a_series_come_from_one_seed(volume: MovingVolume) -> None:
    for masks in (FreshMasks((KT,), 1, 2), NamedMasks((KT,))):
        together = torch.stack([masks(volume.read(frame)).mask for frame in range(4)])
        assert torch.equal(together.sum(0), torch.ones(24, dtype=torch.int64))


def test_a_series_is_a_batch_of_its_own(volume: MovingVolume) -> None:
    (example,) = SeriesDataset(VolumeSeries([volume]), undersampled)
    assert collate([example]) is example
    with pytest.raises(ValueError, match="2 series cannot share a batch"):
        collate([example, example])


@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if takes_series(network)])
def test_networks_learn_from_series(volume: MovingVolume, name: str) -> None:
    torch.manual_seed(0)
    (example,) = SeriesDataset(VolumeSeries([volume]), undersampled)
    assert isinstance(example, Slice)
    objective = Supervised(build(name, SMALL[name]), {"l1": 1.0})
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = objective(collate([example]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
