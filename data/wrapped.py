"""A volume around another one: tells what the inner one tells, until a subclass says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recon.data.acquisition import Header
from recon.data.open import Volume


@dataclass(frozen=True)
class WrappedVolume:
    """Passes on what `recon.data.open.Volume` describes, all but `read`.

    Attributes
    ----------
    volume
        The inner one.
    """

    volume: Volume

    @property
    def path(self) -> Path:
        """The file."""
        return self.volume.path

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.volume.name

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(slices, coils, readout, phase)`."""
        return self.volume.shape

    @property
    def header(self) -> Header:
        """Matrix, padding, field of view, contrast."""
        return self.volume.header

    @property
    def mask(self) -> torch.Tensor | None:
        """Sampling mask of a prospectively undersampled scan; None if fully sampled."""
        return self.volume.mask

    @property
    def target_name(self) -> str | None:
        """What the reference image is called in the file; None if there is none."""
        return self.volume.target_name

    @property
    def target_max(self) -> float | None:
        """Largest value of the reference image over the whole file; None if unknown."""
        return self.volume.target_max

    def __len__(self) -> int:
        return self.shape[0]

    def number(self, index: int) -> int:
        """Tell which slice of the file the one at `index` is."""
        return self.volume.number(index)

    def read_target(self) -> NDArray[np.float32] | None:
        """Read the reference images `(slices, rows, columns)`."""
        return self.volume.read_target()
