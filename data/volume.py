"""Defines an opened file: its header is known, its slices are read one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError


class Volume(Protocol):
    """One opened file, as every format returns it: everything but the samples has been read."""

    @property
    def path(self) -> Path:
        """Path of the file."""

    @property
    def name(self) -> str:
        """Name of the file without its folder."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space `(slices, coils, readout, phase)`."""

    @property
    def header(self) -> Header:
        """Matrix, padding, field of view, contrast."""

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of a prospectively undersampled scan; None if fully sampled."""

    @property
    def calibration_lines(self) -> int:
        """Number of calibration lines that a separate scan adds to the first slice; 0 if there was none."""

    @property
    def choices(self) -> Mapping[str, str]:
        """Choices made about the file's content, such as the order of its axes or averages; usually none."""

    @property
    def averages(self) -> int:
        """Number of averages that the file holds one by one; 1 if it holds their mean, or only one."""

    @property
    def target_name(self) -> str | None:
        """Name of the reference image in the file; None if there is none."""

    @property
    def target_size(self) -> tuple[int, int] | None:
        """Size of the reference image `(rows, columns)`; None if there is none."""

    @property
    def target_max(self) -> float | None:
        """Largest value of the reference image over the volume; None if unknown."""

    def __len__(self) -> int:
        """Return the number of slices."""

    def read(self, index: int) -> Acquisition:
        """Read the slice at `index`.

        Raises
        ------
        InputError
            If it cannot be read or holds values that are not finite.
        """

    def number(self, index: int) -> int:
        """Return the number that the slice at `index` has in the file."""

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images `(slices, rows, columns)`; None if there are none."""

    def first_averages(self, count: int) -> Volume:
        """Return the volume whose k-space is the mean of the first averages only.

        Raises
        ------
        InputError
            If the file holds fewer averages one by one.
        """


class MeanVolume:
    """Base of volumes whose format keeps no single averages."""

    path: Path

    @property
    def averages(self) -> int:
        """Always 1: if there were several averages, the file holds their mean."""
        return 1

    def first_averages(self, count: int) -> Self:
        """Return the volume itself for one average.

        Raises
        ------
        InputError
            If more than one average is asked for.
        """
        if count != 1:
            raise InputError(f"{self.path}: holds no single averages, so {count} of them cannot be chosen")
        return self


class VolumeWithoutTarget(MeanVolume):
    """Base of volumes whose format has no reference images."""

    shape: tuple[int, int, int, int]
    choices: Mapping[str, str] = MappingProxyType({})

    @property
    def calibration_lines(self) -> int:
        """Always 0: the format has no separate calibration scan, unless a subclass knows one."""
        return 0

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name

    @property
    def target_name(self) -> str | None:
        """Always None: there is no reference image."""
        return None

    @property
    def target_size(self) -> tuple[int, int] | None:
        """Always None: there is no reference image."""
        return None

    @property
    def target_max(self) -> float | None:
        """Always None: there is no reference image."""
        return None

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Return `index`: the volume holds every slice of the file."""
        return index

    def read_target(self) -> NDArray[np.float32] | None:
        """Return None: there are no reference images."""
        return None


@dataclass(frozen=True)
class WrappedVolume:
    """Base of volumes that change some properties of another volume; a subclass defines `read`.

    Attributes
    ----------
    volume
        Volume whose properties are passed on.
    """

    volume: Volume

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.volume.path

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.volume.name

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the k-space `(slices, coils, readout, phase)`."""
        return self.volume.shape

    @property
    def header(self) -> Header:
        """Matrix, padding, field of view, contrast."""
        return self.volume.header

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Sampling mask of a prospectively undersampled scan; None if fully sampled."""
        return self.volume.mask

    @property
    def calibration_lines(self) -> int:
        """Number of calibration lines that a separate scan adds to the first slice."""
        return self.volume.calibration_lines

    @property
    def choices(self) -> Mapping[str, str]:
        """Choices that were made about the file's content."""
        return self.volume.choices

    @property
    def averages(self) -> int:
        """Number of averages that the file holds one by one."""
        return self.volume.averages

    @property
    def target_name(self) -> str | None:
        """Name of the reference image in the file; None if there is none."""
        return self.volume.target_name

    @property
    def target_size(self) -> tuple[int, int] | None:
        """Size of the reference image `(rows, columns)`; None if there is none."""
        return self.volume.target_size

    @property
    def target_max(self) -> float | None:
        """Largest value of the reference image over the whole file; None if unknown."""
        return self.volume.target_max

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Return the number that the slice at `index` has in the file."""
        return self.volume.number(index)

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images `(slices, rows, columns)`; None if there are none."""
        return self.volume.read_target()

    def first_averages(self, count: int) -> Self:
        """Return the volume of the first averages only."""
        return replace(self, volume=self.volume.first_averages(count))
