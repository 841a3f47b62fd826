"""A scan as methods receive it: an opened file and the sampling mask applied to each of its slices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from recon.data.acquisition import Acquisition
from recon.data.masks.measured import center_lines
from recon.data.masks.sampling import Sampling
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
    def order(self) -> list[int]:
        """Indices of the images in the order in which they are read: series after series, by time."""
        places = [self.volume.header.place_in_series(number) for number in self.numbers]
        return sorted(range(len(self)), key=lambda index: (places[index][0][0], places[index][1]))

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
        return f"{self.acceleration:g}x {self.mask_kind}" + (f" seed {self.seed}" if self.seed else "")

    @cached_property
    def _measured(self) -> tuple[float, float]:
        """Acceleration and fully sampled share of the lines of the first slice."""
        acquisition = self.read(0)
        lines = center_lines(acquisition.mask)
        return acquisition.acceleration, (lines.stop - lines.start) / acquisition.matrix[1]
