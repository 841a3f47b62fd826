"""What every reader gives: one opened file, known by its header, its slices read one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from recon.data.acquisition import Acquisition, Header
from recon.data.storage.hdf5 import OpenFile, open_hdf5


class Volume(Protocol):
    """One opened file: everything but the samples is known, slices are read one at a time."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def name(self) -> str:
        """The file's name without its folder."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(slices, coils, readout, phase)`."""

    @property
    def header(self) -> Header:
        """Matrix, padding, field of view, contrast."""

    @property
    def mask(self) -> torch.Tensor | None:
        """Sampling mask of a prospectively undersampled scan; None if fully sampled."""

    @property
    def target_name(self) -> str | None:
        """What the reference image is called in the file; None if there is none."""

    @property
    def target_max(self) -> float | None:
        """Largest value of the reference image over the volume; None if unknown."""

    def __len__(self) -> int:
        """Give the number of slices."""

    def read(self, index: int, open_file: OpenFile = open_hdf5) -> Acquisition:
        """Read one slice, from a file that `open_file` opens or has kept open."""

    def number(self, index: int) -> int:
        """Tell which slice of the file the one at `index` is."""

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images `(slices, rows, columns)`; None if there are none."""


class Untargeted:
    """The part of a volume that formats without reference images have in common."""

    path: Path
    shape: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

    @property
    def target_name(self) -> str | None:
        """None: there is no reference image."""
        return None

    @property
    def target_max(self) -> float | None:
        """None: there is no reference image."""
        return None

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Tell which slice of the file the one at `index` is: that one, as all are there."""
        return index

    def read_target(self) -> NDArray[np.float32] | None:
        """Give None: there are no reference images."""
        return None
