"""A scan as methods receive it: an opened file and the sampling mask applied to each of its slices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from recon.data.acquisition import Acquisition
from recon.data.masks.kind import SERIES
from recon.data.masks.measured import center_lines
from recon.data.masks.sampling import Sampling, seed_of
from recon.data.open import Volume

AS_ACQUIRED = "as acquired"


@dataclass(frozen=True, eq=False)
class SampledVolume:
    """A volume under one sampling; iterating over it reads the slices one at a time, those of a series in succession.

    Attributes
    ----------
    volume
        Opened raw data.
    sampling
        How every slice is undersampled; None to leave the scan as it was acquired.
    """

    volume: Volume
    sampling: Sampling | None = None

    def __len__(self) -> int:
        return len(self.volume)

    def __iter__(self) -> Iterator[Acquisition]:
        return map(self.read, self.order)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the images in the file."""
        return list(map(self.volume.number, range(len(self))))

    @cached_property
    def series(self) -> list[list[int]]:
        """Indices of the images of each series, in the order of time; a slice of no series is one of one image."""
        places = [self.volume.header.place_in_series(number) for number in self.numbers]
        order = sorted(range(len(self)), key=lambda index: (places[index][0][0], places[index][1]))
        return [list(images) for _, images in groupby(order, lambda index: places[index][0][0])]

    @property
    def order(self) -> list[int]:
        """Indices of the images in the order in which they are read: series after series, by time."""
        return [index for series in self.series for index in series]

    def read(self, index: int) -> Acquisition:
        """Read and undersample one slice.

        Raises
        ------
        InputError
            If the slice cannot be read.
        """
        acquisition = self.volume.read(index)
        return acquisition if self.sampling is None else self.sampling(acquisition)

    @property
    def mask_kind(self) -> str:
        """Kind of the sampling mask and the centre it is limited to, or "as acquired"."""
        return AS_ACQUIRED if self.sampling is None else self.sampling.name

    @property
    def acceleration(self) -> float:
        """Requested acceleration, or the measured one of a scan that is left as it was acquired."""
        return self._measured[0] if self.sampling is None else self.sampling.acceleration

    @property
    def center_fraction(self) -> float:
        """Fully sampled share of the lines: requested, or measured in a scan that is left as it was acquired."""
        return self._measured[1] if self.sampling is None else self.sampling.center_fraction

    @property
    def seed(self) -> int:
        """Seed of the sampling mask; 0 if there is none."""
        return 0 if self.sampling is None else self.sampling.seed

    @property
    def label(self) -> str:
        """Short description of the sampling, for example "4x random seed 1"."""
        if self.sampling is None:
            return AS_ACQUIRED
        return sampling_label(self.acceleration, self.mask_kind, self.seed)

    @property
    def masks_sha256(self) -> str:
        """SHA-256 of the sampling masks: of the one that all images share, or of the one of each frame."""
        if self.sampling is None:
            masks = [] if self.volume.mask is None else [self.volume.mask]
        else:
            in_series = self.sampling.kind in SERIES
            frames = {self.volume.header.place_in_series(number)[1] if in_series else 0 for number in self.numbers}
            seed, matrix = seed_of(self.volume.name, self.sampling.seed), self.volume.shape[2:]
            masks = [self.sampling.mask(matrix, seed, frame).numpy() for frame in sorted(frames)]
        digest = hashlib.sha256()
        for mask in masks:
            digest.update(f"{mask.shape} {np.packbits(mask).tobytes().hex()}\n".encode())
        return digest.hexdigest()

    @cached_property
    def _measured(self) -> tuple[float, float]:
        """Acceleration and fully sampled share of the lines of the first slice."""
        acquisition = self.read(0)
        lines = center_lines(acquisition.mask)
        return acquisition.acceleration, (lines.stop - lines.start) / acquisition.matrix[1]


def sampling_label(acceleration: float, mask_kind: str, seed: int) -> str:
    """Describe a sampling in a few words, for example "4x random seed 1"; seed 0 is not mentioned."""
    return f"{acceleration:g}x {mask_kind}" + (f" seed {seed}" if seed else "")
