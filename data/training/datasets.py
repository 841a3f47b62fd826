"""Reads slices for supervised training, and undersamples them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling, draw_mask, seed_of
from recon.data.open import Volume
from recon.data.storage.file_pool import FilePool

Undersampling = Callable[[Acquisition], Acquisition]


class Slice(NamedTuple):
    """One slice, or a batch of slices of one shape when its tensors carry a further first axis.

    Attributes
    ----------
    kspace
        complex64 `(coils, readout, phase)`, undersampled.
    mask
        bool `(1, 1, phase)`.
    target
        float32 `(rows, columns)`.
    maximum
        float32 scalar: largest value of the target over the volume, which is the data range of SSIM.
    acceleration
        float32 scalar: how many times fewer samples were measured than a full scan has.
    calibration
        complex64 `(coils, readout, phase)`: the separate reference scan, zero where not measured; None if the
        calibration lines are part of `kspace`.
    """

    kspace: Tensor
    mask: Tensor
    target: Tensor
    maximum: Tensor
    acceleration: Tensor
    calibration: Tensor | None = None

    def to(self, device: torch.device) -> Slice:
        """Move all tensors to a device."""
        return Slice(*(None if tensor is None else tensor.to(device, non_blocking=True) for tensor in self))  # type: ignore[arg-type]


class SliceDataset(Dataset[Slice]):
    """Undersampled slices of all volumes, one volume after the other.

    Every process that reads keeps a bounded number of files open between slices.

    Parameters
    ----------
    volumes
        Fully sampled volumes with targets.
    undersample
        Function that undersamples each slice.

    Raises
    ------
    InputError
        If a volume has no target or was undersampled by the scanner.
    """

    def __init__(self, volumes: Sequence[Volume], undersample: Undersampling) -> None:
        self._slices = [(volume, index) for volume in volumes for index in range(len(volume))]
        self._maxima = {volume.path: _target_maximum(volume) for volume in volumes}
        self._undersample = undersample
        self._pool = FilePool()

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> Slice:
        """Read and undersample one slice.

        Raises
        ------
        InputError
            If the slice cannot be read.
        """
        volume, number = self._slices[index]
        with self._pool.in_use():
            acquisition = volume.read(number)
        acquisition = self._undersample(acquisition)
        if acquisition.target is None:
            raise InputError(f"{volume.path}: has no target that fits it")
        return Slice(
            kspace=acquisition.kspace,
            mask=acquisition.mask.reshape(1, -1, acquisition.mask.shape[-1]),
            target=acquisition.target,
            maximum=torch.tensor(self._maxima[volume.path]),
            acceleration=torch.tensor(acquisition.acceleration),
            calibration=acquisition.reference_kspace(),
        )

    def where(self, index: int) -> str:
        """Return the file and the number of a slice, for messages."""
        volume, number = self._slices[index]
        return f"{volume.path}, slice {volume.number(number)}"

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every slice; only slices of the same shape can share a batch."""
        return [_shape(volume) for volume, _ in self._slices]


@dataclass(frozen=True)
class FreshMasks:
    """Masks for training: a new choice of sampling and new masks for every slice or series in every epoch.

    Attributes
    ----------
    samplings
        Samplings to choose from.
    seed
        Seed of the run, which decides on the masks together with the epoch, the file's name and the slice or series.
    epoch
        Number of the epoch.
    """

    samplings: tuple[Sampling, ...]
    seed: int
    epoch: int

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Undersample a slice in place."""
        seed = (self.seed, self.epoch, acquisition.series[0], *seed_of(acquisition.name))
        return acquisition.undersample_(draw_mask(self.samplings, acquisition.matrix, seed, acquisition.frame))


@dataclass(frozen=True)
class NamedMasks:
    """Masks for validation: the file's name alone decides on the sampling and the mask, as in fastMRI.

    Attributes
    ----------
    samplings
        Samplings to choose from.
    """

    samplings: tuple[Sampling, ...]

    def __call__(self, acquisition: Acquisition) -> Acquisition:
        """Undersample a slice in place."""
        seed = seed_of(acquisition.name)
        return acquisition.undersample_(draw_mask(self.samplings, acquisition.matrix, seed, acquisition.frame))


def shuffled_batches(shapes: Sequence[tuple[int, ...]], size: int, seed: tuple[int, ...]) -> list[list[int]]:
    """Shuffle slices into batches of one shape.

    Parameters
    ----------
    shapes
        Shape of every slice.
    size
        Size of a batch; the last batch of each shape may be smaller.
    seed
        Seed of the order.

    Returns
    -------
    list of list of int
        Indices of the slices of each batch; every index occurs once.
    """
    rng = np.random.default_rng(seed)
    by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index in rng.permutation(len(shapes)):
        by_shape[shapes[index]].append(int(index))
    batches = [
        indices[start : start + size] for indices in by_shape.values() for start in range(0, len(indices), size)
    ]
    return [batches[position] for position in rng.permutation(len(batches))]


def _shape(volume: Volume) -> tuple[int, ...]:
    return (*volume.shape[1:], *(volume.target_size or ()))


def check_trainable(volume: Volume) -> None:
    """Refuse a volume for supervised training.

    Raises
    ------
    InputError
        If it has no target or was undersampled by the scanner.
    """
    if volume.mask is not None:
        raise InputError(f"{volume.path}: was undersampled by the scanner, which leaves nothing to compare with")
    if volume.target_name is None:
        raise InputError(f"{volume.path}: has no target image")


def _target_maximum(volume: Volume) -> float:
    check_trainable(volume)
    if volume.target_max is not None:
        return volume.target_max
    target = volume.read_target()
    return 0.0 if target is None else float(target.max())
