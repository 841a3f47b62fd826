"""Reads whole series of frames for supervised training of networks that reconstruct them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.open import Volume
from recon.data.training.datasets import Slice, check_trainable

Preparation = Callable[[Sequence[Acquisition]], Sequence[Acquisition]]
"""Function that undersamples the frames of a series and prepares them as for a reconstruction."""


class SeriesSource(Protocol):
    """Fully sampled series of frames with targets, by index: those of files, or simulated ones."""

    def __len__(self) -> int:
        """Return the number of series."""

    def __getitem__(self, index: int) -> Sequence[Acquisition]:
        """Read the frames of a series in the order of time."""

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of a series: `(frames, coils, readout, phase)`."""

    def where(self, index: int) -> str:
        """Name a series, for messages."""


class VolumeSeries:
    """Series of opened files; an image that belongs to no series is one of a single frame.

    Parameters
    ----------
    volumes
        Fully sampled volumes with targets.

    Raises
    ------
    InputError
        If a volume has no target or was undersampled by the scanner.
    """

    def __init__(self, volumes: Sequence[Volume]) -> None:
        for volume in volumes:
            check_trainable(volume)
        self._series = [(volume, indices) for volume in volumes for indices in _series_of(volume)]

    def __len__(self) -> int:
        return len(self._series)

    def __getitem__(self, index: int) -> list[Acquisition]:
        """Read the frames of a series.

        Raises
        ------
        InputError
            If one of them cannot be read.
        """
        volume, indices = self._series[index]
        return [volume.read(number) for number in indices]

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of a series: `(frames, coils, readout, phase)`."""
        volume, indices = self._series[index]
        return len(indices), *volume.shape[1:]

    def where(self, index: int) -> str:
        """Name a series and its file."""
        volume, indices = self._series[index]
        return f"{volume.path}, slices {volume.number(indices[0])} to {volume.number(indices[-1])}"


class SeriesDataset(Dataset[Slice]):
    """Undersampled series; each is a batch by itself, its frames along the first axis.

    Parameters
    ----------
    source
        Fully sampled series.
    prepare
        Function that undersamples the frames.
    frames
        Largest number of successive frames to take from a series; None for all.
    seed
        Seed of the choice of the first one.
    """

    def __init__(
        self, source: SeriesSource, prepare: Preparation, frames: int | None = None, seed: Sequence[int] = ()
    ) -> None:
        self._source, self._prepare, self._frames, self._seed = source, prepare, frames, tuple(seed)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Slice:
        """Read and undersample one series.

        Raises
        ------
        InputError
            If a frame cannot be read.
        """
        series = self._source[index]
        count = len(series) if self._frames is None else min(self._frames, len(series))
        first = int(np.random.default_rng((*self._seed, index)).integers(len(series) - count + 1))
        prepared = self._prepare(series[first : first + count])
        targets = [frame.target for frame in prepared if frame.target is not None]
        if len(targets) < count:
            raise InputError(f"{self.where(index)}: has no target that fits it")
        target = torch.stack(targets)
        return Slice(
            kspace=torch.stack([frame.kspace for frame in prepared]),
            mask=torch.stack([frame.mask.reshape(1, -1, frame.mask.shape[-1]) for frame in prepared]),
            target=target,
            maximum=target.amax().expand(count),
            acceleration=torch.tensor([frame.acceleration for frame in prepared]),
            calibration=_reference(prepared),
        )

    def where(self, index: int) -> str:
        """Name a series, for messages."""
        return self._source.where(index)

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of every series."""
        return [self._source.shape(index) for index in range(len(self))]


def _series_of(volume: Volume) -> list[list[int]]:
    """Return the indices in an opened volume of the images of each series, in the order of time."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for index in range(len(volume)):
        series, frame = volume.header.place_in_series(volume.number(index))
        groups.setdefault(series[0], []).append((frame, index))
    return [[index for _, index in sorted(members)] for members in groups.values()]


def _reference(frames: Sequence[Acquisition]) -> Tensor | None:
    scans = [scan for scan in (frame.reference_kspace() for frame in frames) if scan is not None]
    return torch.stack(scans) if len(scans) == len(frames) else None
