"""Selects some volumes of a data set, and some slices of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition
from recon.data.open import Volume
from recon.data.volume import WrappedVolume


@dataclass(frozen=True)
class SomeSlices(WrappedVolume):
    """Some slices of a volume.

    Attributes
    ----------
    numbers
        Indices of the selected slices, in the order of the volume.
    """

    numbers: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space of the selected slices `(slices, coils, readout, phase)`."""
        return len(self.numbers), *self.volume.shape[1:]

    def number(self, index: int) -> int:
        """Return the number that the slice at `index` has in the file."""
        return self.volume.number(self.numbers[index])

    def read(self, index: int) -> Acquisition:
        """Read one of the selected slices."""
        return self.volume.read(self.numbers[index])

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images of the selected slices `(slices, rows, columns)`; None if there are none."""
        target = self.volume.read_target()
        return None if target is None else target[list(self.numbers)]


@dataclass(frozen=True)
class Filter:
    """Choice of volumes and slices.

    Attributes
    ----------
    acquisitions
        Contrasts as fastMRI names them (`CORPD_FBK`, `AXT2`); empty for all.
    coils
        Smallest and largest number of coils; None for any number.
    slices
        Start and stop of a Python slice: negative numbers count from the end, None is no limit.
    """

    acquisitions: tuple[str, ...] = ()
    coils: tuple[int, int] | None = None
    slices: tuple[int | None, int | None] = (None, None)

    def __call__(self, volumes: Sequence[Volume]) -> list[Volume]:
        """Return the chosen slices of the chosen volumes, without volumes that have no such slice."""
        chosen = [volume for volume in volumes if self._accepts(volume)]
        if self.slices == (None, None):
            return chosen
        parts = (SomeSlices(volume, tuple(range(len(volume)))[slice(*self.slices)]) for volume in chosen)
        return [part for part in parts if len(part)]

    def _accepts(self, volume: Volume) -> bool:
        if self.acquisitions and volume.header.contrast not in self.acquisitions:
            return False
        return self.coils is None or self.coils[0] <= volume.shape[1] <= self.coils[1]


def sample_volumes(volumes: Sequence[Volume], fraction: float, seed: int) -> list[Volume]:
    """Draw a fraction of the volumes, at least one; the seed decides which."""
    drawn = _draw(len(volumes), fraction, seed)
    return [volumes[index] for index in drawn]


def sample_slices(volumes: Sequence[Volume], fraction: float, seed: int) -> list[Volume]:
    """Draw a fraction of the slices of all volumes together, at least one; the seed decides which."""
    if fraction == 1:
        return list(volumes)
    owners = np.repeat(np.arange(len(volumes)), [len(volume) for volume in volumes])
    positions = np.concatenate([np.arange(len(volume)) for volume in volumes])
    drawn = _draw(len(owners), fraction, seed)
    kept = {int(owner): positions[drawn][owners[drawn] == owner] for owner in np.unique(owners[drawn])}
    return [SomeSlices(volumes[owner], tuple(map(int, numbers))) for owner, numbers in kept.items()]


def _draw(count: int, fraction: float, seed: int) -> list[int]:
    """Draw a fraction of the indices below `count`, in rising order."""
    wanted = max(1, round(count * fraction))
    return sorted(np.random.default_rng(seed).permutation(count)[:wanted].tolist())
