"""Parts of a data set: some of the volumes, some of their slices."""

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
    """A volume of which some slices are left.

    Attributes
    ----------
    numbers
        Of the slices that are left, in the order of the file.
    """

    numbers: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(slices, coils, readout, phase)`, of the slices that are left."""
        return len(self.numbers), *self.volume.shape[1:]

    def number(self, index: int) -> int:
        """Tell which slice of the file the one at `index` is."""
        return self.volume.number(self.numbers[index])

    def read(self, index: int) -> Acquisition:
        """Read one of the slices that are left."""
        return self.volume.read(self.numbers[index])

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images of the slices that are left."""
        target = self.volume.read_target()
        return None if target is None else target[list(self.numbers)]


@dataclass(frozen=True)
class Filter:
    """Which volumes and slices are wanted.

    Attributes
    ----------
    acquisitions
        Contrasts as fastMRI names them (`CORPD_FBK`, `AXT2`); none for all.
    coils
        The fewest and the most; None for any number.
    slices
        The first and the one after the last, as Python counts: negative numbers from the end, None for no limit.
    """

    acquisitions: tuple[str, ...] = ()
    coils: tuple[int, int] | None = None
    slices: tuple[int | None, int | None] = (None, None)

    def __call__(self, volumes: Sequence[Volume]) -> list[Volume]:
        """Keep what is wanted; volumes of which no slice is left are left out."""
        wanted = [volume for volume in volumes if self._wants(volume)]
        if self.slices == (None, None):
            return wanted
        parts = (SomeSlices(volume, tuple(range(len(volume)))[slice(*self.slices)]) for volume in wanted)
        return [part for part in parts if len(part)]

    def _wants(self, volume: Volume) -> bool:
        if self.acquisitions and volume.header.contrast not in self.acquisitions:
            return False
        return self.coils is None or self.coils[0] <= volume.shape[1] <= self.coils[1]


def sample_volumes(volumes: Sequence[Volume], fraction: float, seed: int) -> list[Volume]:
    """Draw a fraction of the volumes, at least one; the same seed draws the same ones."""
    drawn = _draw(len(volumes), fraction, seed)
    return [volumes[index] for index in drawn]


def sample_slices(volumes: Sequence[Volume], fraction: float, seed: int) -> list[Volume]:
    """Draw a fraction of the slices of all volumes together, at least one; the same seed draws the same ones."""
    if fraction == 1:
        return list(volumes)
    owners = np.repeat(np.arange(len(volumes)), [len(volume) for volume in volumes])
    positions = np.concatenate([np.arange(len(volume)) for volume in volumes])
    drawn = _draw(len(owners), fraction, seed)
    kept = {int(owner): positions[drawn][owners[drawn] == owner] for owner in np.unique(owners[drawn])}
    return [SomeSlices(volumes[owner], tuple(map(int, numbers))) for owner, numbers in kept.items()]


def _draw(count: int, fraction: float, seed: int) -> list[int]:
    """Draw indices, in rising order."""
    wanted = max(1, round(count * fraction))
    return sorted(np.random.default_rng(seed).permutation(count)[:wanted].tolist())
