"""Reads a scan for one arm of a study: some slices, and as many averages as the arm uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from recon.calibration.noise import mix_coils, noise_covariance, without_silent_channels
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.training.selection import SomeSlices
from recon.data.volume import Volume


@dataclass(frozen=True)
class ArmVolume(SomeSlices):
    """Some slices of a volume with the noise of fewer averages than the file holds the mean of.

    The mean of `n` of `N` averages has `N / n` times the variance of the mean of all. Where a file holds only the
    latter, noise of the covariance `(N / n - 1) Psi` is added to its samples, `Psi` being that of the file's noise.
    The noise is the same for all arms that use as many averages of the scan, as if it had been measured once.

    Attributes
    ----------
    averages_left
        Number `n` of averages.
    file_averages
        Number `N` of averages whose mean the file holds.
    """

    averages_left: int = 1
    file_averages: int = 1

    @property
    def choices(self) -> Mapping[str, str]:
        """Choices that were made about the file's content: slices and averages."""
        chosen = {**self.volume.choices, "slices": ", ".join(map(str, self.numbers))}
        if self.adds_noise:
            chosen["averages"] = f"{self.averages_left} of {self.file_averages}, by added noise"
        return chosen

    @property
    def adds_noise(self) -> bool:
        """Whether noise takes the place of the averages that are left out."""
        return self.averages_left < self.file_averages

    def read(self, index: int) -> Acquisition:
        """Read one of the slices, and add noise if it stands for fewer averages.

        Raises
        ------
        InputError
            If the slice cannot be read, or its noise cannot be estimated.
        """
        acquisition = super().read(index)
        if not self.adds_noise:
            return acquisition
        seed = (*map(ord, acquisition.name), self.number(index), self.averages_left)
        return fewer_averages(acquisition, self.file_averages / self.averages_left, np.random.default_rng(seed))


def fewer_averages(acquisition: Acquisition, ratio: float, rng: np.random.Generator) -> Acquisition:
    """Add noise that makes the variance of an acquisition's noise `ratio` times as large.

    Parameters
    ----------
    acquisition
        K-space `(coils, readout, phase)`. Its noise is that of the noise scan or of the air, see `noise_covariance`.
        Samples that are zero were not measured and get none.
    ratio
        Number of averages in the mean over number of those that should be left.
    rng
        Source of the noise.

    Raises
    ------
    InputError
        If the noise cannot be estimated.
    """
    acquisition = without_silent_channels(acquisition)
    covariance = noise_covariance(acquisition)
    parts = rng.standard_normal((2, *acquisition.kspace.shape), dtype=np.float32)
    white = torch.complex(*torch.from_numpy(parts)) / sqrt(2)
    added = sqrt(ratio - 1) * mix_coils(_root(covariance).to(white), white)
    kspace = torch.where(acquisition.kspace != 0, acquisition.kspace + added, 0)
    noise = None if acquisition.noise is None else acquisition.noise * sqrt(ratio)
    return replace(acquisition, kspace=kspace, noise=noise)


def _root(covariance: Tensor) -> Tensor:
    """Return a matrix `R` with `R R^H = Psi`, also where `Psi` has no inverse."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()


def arm_volume(volume: Volume, slices: tuple[int, ...], averages: int | None, file_averages: int) -> ArmVolume:
    """Return the slices of a volume with as many averages as an arm uses.

    Parameters
    ----------
    volume
        Opened scan.
    slices
        Indices of the slices.
    averages
        Number of averages that the arm uses; None for all.
    file_averages
        Number of averages whose mean the file holds if it does not hold single ones.

    Raises
    ------
    InputError
        If the scan has fewer averages.
    """
    single = volume.averages
    if single == 1:
        left = file_averages if averages is None else averages
        if left > file_averages:
            mean = "one average" if file_averages == 1 else f"the mean of {file_averages} averages"
            raise InputError(
                f"{volume.name}: holds {mean}, so {left} cannot be used; file_averages says how many it holds the "
                "mean of"
            )
        return ArmVolume(volume, slices, left, file_averages)
    if averages is not None and averages > single:
        raise InputError(f"{volume.name}: holds {single} averages, so {averages} cannot be used")
    return ArmVolume(volume if averages in (None, single) else volume.first_averages(averages), slices)


def held_averages(volume: Volume, file_averages: int) -> int:
    """Return the number of averages of a scan, single ones or in a mean."""
    return volume.averages if volume.averages > 1 else file_averages
