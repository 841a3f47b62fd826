"""Prepare the benchmark's data: one slice of each scan under each mask, with the same samples for every peer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.sampling import Sampling
from recon.data.open import find_files, open_volume
from recon.fourier import ifft
from recon.simulation.raw_files import simulate_volume

Shape = tuple[int, int, int]
"""Coils, readout, phase."""

SIMULATED_SNR = 40.0


@dataclass(frozen=True, eq=False)
class Case:
    """One fully sampled slice and its undersampling."""

    scan: Acquisition
    sampling: Sampling

    @property
    def title(self) -> str:
        """Name of the scan and its sampling."""
        sampling = self.sampling
        return f"{self.scan.name}, {sampling.kind} {sampling.acceleration:g}x"

    def acquisition(self) -> Acquisition:
        """Undersample the slice and scale its zero-filled image to a maximum of 1, the scale that `lamda` refers to.

        Raises
        ------
        InputError
            If the slice is empty, has no target, or is not undersampled.
        """
        acquisition = self.sampling(self.scan)
        if torch.equal(acquisition.mask, self.scan.mask):
            raise InputError(f"{self.title}: this mask samples every line, so there is nothing to reconstruct")
        largest = rss(ifft(acquisition.kspace)).max()
        if largest == 0:
            raise InputError(f"{self.scan.name}: slice {self.scan.slice} is empty")
        return replace(acquisition, kspace=acquisition.kspace / largest, target=target_of(acquisition) / largest)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the samples before undersampling."""
        return hashlib.sha256(self.scan.kspace.numpy().tobytes()).hexdigest()


def target_of(acquisition: Acquisition) -> Tensor:
    """Return the target, float32 `(rows, columns)`.

    Raises
    ------
    InputError
        If the acquisition has none.
    """
    if acquisition.target is None:
        raise InputError(f"{acquisition.name}: the file has no target to compare with")
    return acquisition.target


def read_scans(inputs: list[Path]) -> Iterator[Acquisition]:
    """Read the middle slice of every file.

    Raises
    ------
    InputError
        If a file is undersampled.
    """
    for path in find_files(inputs):
        volume = open_volume(path)
        if volume.mask is not None:
            raise InputError(f"{path}: the scan is undersampled, so there is no reference to compare with")
        yield volume.read(len(volume) // 2)


def simulate_scan(shape: Shape) -> Acquisition:
    """Simulate one slice; the same shape always gives the same samples."""
    coils, *matrix = shape
    volume = simulate_volume((matrix[0], matrix[1]), 1, coils, SIMULATED_SNR, np.random.default_rng(0))
    return Acquisition(
        kspace=torch.from_numpy(volume.kspace[0]),
        mask=torch.ones(shape[-1], dtype=torch.bool),
        header=volume.header,
        target=torch.from_numpy(volume.target[0]),
        name=f"simulated {coils}x{matrix[0]}x{matrix[1]}",
        slice=0,
    )
