"""Reads slices for self-supervised training, and splits their measured lines into given and held ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling, seed_of
from recon.data.open import Volume
from recon.data.storage.file_pool import FilePool
from recon.data.training.datasets import NamedMasks
from recon.data.training.self_supervision import Density, choices_of, split_mask

PARTS = 2
"""Number of parts in which the lines that are set aside are predicted, each part from all other lines."""


class SplitSlice(NamedTuple):
    """One slice, or a batch of slices of one shape when its tensors carry a further first axis.

    Attributes
    ----------
    kspace
        complex64 `(coils, readout, phase)`: all measured samples.
    given
        bool `(1, 1 or readout, phase)`: samples that the network sees.
    held
        bool, of the same shape: samples for the loss, disjoint from `given`.
    acceleration
        float32 scalar: how many times fewer samples are given than a full scan has.
    """

    kspace: Tensor
    given: Tensor
    held: Tensor
    acceleration: Tensor

    def to(self, device: torch.device) -> SplitSlice:
        """Move all tensors to a device."""
        return SplitSlice(*(tensor.to(device, non_blocking=True) for tensor in self))


@dataclass(frozen=True)
class Split:
    """Splits the measured lines of a slice.

    Attributes
    ----------
    samplings
        Samplings to undersample a fully sampled scan with, before it is split. The file's name chooses one, so that
        the mask is always the same, as if the scanner had undersampled.
    fraction
        Fraction that is held, of the lines that are not always given.
    center
        Number of lines around DC that are always given; None for all calibration lines.
    holdout
        Fraction of these lines that is set aside for validation, the same in every epoch.
    density
        How likely each line is held or set aside.
    """

    samplings: tuple[Sampling, ...]
    fraction: float
    center: int | None = None
    holdout: float = 0.0
    density: Density = "gaussian"

    @property
    def parts(self) -> int:
        """Number of parts in which `for_validation` holds lines."""
        return PARTS if self.holdout else 1

    def for_training(self, acquisition: Acquisition, seed: int, epoch: int) -> SplitSlice:
        """Split the lines that are not set aside, differently in every epoch."""
        scanned = self.scanned(acquisition)
        given = scanned.mask & ~self._aside(scanned)
        kept, held = self._split(given, self.fraction, (seed, epoch, *_identity(acquisition)))
        return _split_slice(scanned.undersample(given), kept, held)

    def for_validation(self, acquisition: Acquisition, part: int = 0) -> SplitSlice:
        """Hold a part of the lines that are set aside or, without a holdout, a fixed choice of `fraction`.

        The fewer lines are held at once, the closer is the network's input to that of the final reconstruction.
        """
        scanned = self.scanned(acquisition)
        if not self.holdout:
            return _split_slice(scanned, *self._split(scanned.mask, self.fraction, _identity(acquisition)))
        aside = self._aside(scanned)
        lines = choices_of(aside)
        parts = min(PARTS, int(lines.sum()))
        held = aside & (lines.flatten().cumsum(0).reshape(lines.shape) % parts == part % parts)
        return _split_slice(scanned, scanned.mask & ~held, held)

    def scanned(self, acquisition: Acquisition) -> Acquisition:
        """Return an undersampled scan unchanged; undersample a fully sampled one.

        Raises
        ------
        InputError
            If the calibration lines are a separate scan.
        """
        if acquisition.calibration is not None:
            raise InputError(f"{acquisition.name}: has a separate reference scan, which training cannot use")
        first, last = acquisition.header.padding
        fully_sampled = bool(acquisition.mask[..., first:last].all())
        return NamedMasks(self.samplings)(acquisition) if fully_sampled else acquisition

    def _aside(self, scanned: Acquisition) -> Tensor:
        """Return the samples that are set aside.

        Raises
        ------
        InputError
            If nothing remains to train on.
        """
        if not self.holdout:
            return torch.zeros_like(scanned.mask)
        rest, aside = self._split(scanned.mask, self.holdout, _identity(scanned))
        if not self._split(rest, self.fraction, _identity(scanned))[1].any():
            raise InputError(f"{scanned.name}: has too few lines outside its calibration region to set some aside")
        return aside

    def _split(self, mask: Tensor, fraction: float, seed: Sequence[int]) -> tuple[Tensor, Tensor]:
        return split_mask(mask, fraction, seed, self.center, self.density)


class SplitSlices(Dataset[SplitSlice]):
    """Split slices of all volumes, one volume after the other.

    Parameters
    ----------
    volumes
        Volumes to read, undersampled or not, with targets or without.
    split
        Function that splits each slice.
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
        """Return the shape of every slice; only slices of the same shape can share a batch."""
        return [volume.shape[1:] for volume, _ in self._slices]

    def where(self, index: int) -> str:
        """Return the file and the number of a slice, for messages."""
        volume, number = self._slices[index]
        return f"{volume.path}, slice {volume.number(number)}"


def _identity(acquisition: Acquisition) -> tuple[int, ...]:
    return (acquisition.slice or 0, *seed_of(acquisition.name))


def _split_slice(acquisition: Acquisition, given: Tensor, held: Tensor) -> SplitSlice:
    phase = acquisition.matrix[1]
    acceleration = torch.tensor(replace(acquisition, mask=given).acceleration)
    return SplitSlice(acquisition.kspace, given.reshape(1, -1, phase), held.reshape(1, -1, phase), acceleration)
