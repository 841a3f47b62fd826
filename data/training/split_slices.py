"""Slices to train on without a fully sampled truth: what was measured, parted into what is given and what is held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks import Sampling, seed_of
from recon.data.open import Volume
from recon.data.storage.file_pool import FilePool
from recon.data.training.datasets import NamedMasks
from recon.data.training.self_supervision import split_mask


class SplitSlice(NamedTuple):
    """One slice, or a batch of slices of one shape when its tensors carry a further first axis.

    Attributes
    ----------
    kspace
        complex64 `(coils, readout, phase)`: all that was measured.
    given
        bool `(1, 1 or readout, phase)`: the samples that the network sees.
    held
        bool, of the same shape: the samples that it is judged by; the two are disjoint.
    """

    kspace: Tensor
    given: Tensor
    held: Tensor

    def to(self, device: torch.device) -> SplitSlice:
        """Move all tensors to a device."""
        return SplitSlice(*(tensor.to(device, non_blocking=True) for tensor in self))


@dataclass(frozen=True)
class Split:
    """How the measured lines of a slice are parted.

    Attributes
    ----------
    samplings
        A fully sampled scan is undersampled first, with one of these that its file's name decides on: always the
        same, as if a scanner had done it.
    fraction
        Share of the lines that is held.
    center
        Lines about DC that are always given; None for all calibration lines.
    holdout
        Share of the lines to set aside beforehand, for validation; the same in every epoch.
    """

    samplings: tuple[Sampling, ...]
    fraction: float
    center: int | None = None
    holdout: float = 0.0

    def for_training(self, acquisition: Acquisition, seed: int, epoch: int) -> SplitSlice:
        """Part what is not set aside, another way in every epoch."""
        scanned = self.scanned(acquisition)
        given = self._not_set_aside(scanned)
        kept, held = split_mask(given, self.fraction, (seed, epoch, *_identity(acquisition)), self.center)
        return _split_slice(scanned.undersample(given), kept, held)

    def for_validation(self, acquisition: Acquisition) -> SplitSlice:
        """Hold what is set aside; without a holdout, a fixed share of the lines."""
        scanned = self.scanned(acquisition)
        if self.holdout:
            given = self._not_set_aside(scanned)
            return _split_slice(scanned, given, scanned.mask & ~given)
        return _split_slice(scanned, *split_mask(scanned.mask, self.fraction, _identity(acquisition), self.center))

    def scanned(self, acquisition: Acquisition) -> Acquisition:
        """Give the scan as it is or, if it was fully sampled, as if it had not been.

        Raises
        ------
        InputError
            If its calibration lines were scanned apart from it.
        """
        if acquisition.calibration is not None:
            raise InputError(f"{acquisition.name}: has a separate reference scan, which training cannot use")
        first, last = acquisition.header.padding
        fully_sampled = bool(acquisition.mask[..., first:last].all())
        return NamedMasks(self.samplings)(acquisition) if fully_sampled else acquisition

    def _not_set_aside(self, scanned: Acquisition) -> Tensor:
        if not self.holdout:
            return scanned.mask
        return split_mask(scanned.mask, self.holdout, _identity(scanned), self.center)[0]


class SplitSlices(Dataset[SplitSlice]):
    """The slices of volumes, undersampled or not, with targets or without, one after the other.

    Parameters
    ----------
    volumes
        To read from.
    split
        Applied to each slice as it is read.
    """

    def __init__(self, volumes: Sequence[Volume], split: Callable[[Acquisition], SplitSlice]) -> None:
        self._slices = [(volume, index) for volume in volumes for index in range(len(volume))]
        self._split = split
        self._pool = FilePool()

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, index: int) -> SplitSlice:
        """Read and split one slice."""
        volume, number = self._slices[index]
        with self._pool.in_use():
            acquisition = volume.read(number)
        return self._split(acquisition)

    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of every slice; only slices of the same shape can share a batch."""
        return [volume.shape[1:] for volume, _ in self._slices]

    def where(self, index: int) -> str:
        """Name the file and the slice in it."""
        volume, number = self._slices[index]
        return f"{volume.path}, slice {volume.number(number)}"


def _identity(acquisition: Acquisition) -> tuple[int, ...]:
    return (acquisition.slice or 0, *seed_of(acquisition.name))


def _split_slice(acquisition: Acquisition, given: Tensor, held: Tensor) -> SplitSlice:
    phase = acquisition.matrix[1]
    return SplitSlice(acquisition.kspace, given.reshape(1, -1, phase), held.reshape(1, -1, phase))
