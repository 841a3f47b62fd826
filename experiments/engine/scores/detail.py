"""Compare the fine detail of images with that of their target: how much there is, and how much of it agrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from recon.calibration.noise import noise_variance
from recon.coils import rss
from recon.data.acquisition import Acquisition
from recon.data.open import Volume
from recon.experiments.engine.scores.metrics import Images, common_field, crop, foreground
from recon.fourier import ifft
from recon.models.losses import FINE

MARGIN = 4
"""Pixels beyond the foreground that count as well, because the detail of its outline reaches there."""

LEAST_SIGNAL = 4.0
"""Least energy of the target over that of its noise, 6 dB: below it, errors of the noise level would decide."""

RULE = (
    f"energy beyond {FINE} cycles per pixel over the foreground and {MARGIN} pixels about it, relative to the "
    "target's less that of its noise"
)
"""The rule of `detail_energy` as protocols record it."""


@dataclass(frozen=True)
class DetailMetrics:
    """Fine detail of one volume; NaN where the target has none, or hardly more than noise.

    Attributes
    ----------
    energy
        `10 log10(E_image / (E_target - E_noise))` in dB: 0 is right, less is too smooth. Noise and artefacts of the
        image count as energy, so it may be too high, and only the correlation says whether the detail is the
        target's.
    correlation
        Correlation of image and target in the same part of k-space over the same pixels, 1 for the target itself: a
        Fourier ring correlation (van Heel & Schatz 2005) of one ring.
    """

    energy: float
    correlation: float


@dataclass(frozen=True, eq=False)
class TargetDetail:
    """The fine detail of a target.

    Attributes
    ----------
    volume
        Fully sampled scan.
    target
        float32 `(slices, rows, columns)`.
    inside
        bool, of the same shape: the object.
    noise
        Energy that the noise of the full scan adds to the fine detail, all slices together.
    """

    volume: Volume
    target: Images
    inside: NDArray[np.bool_]
    noise: float

    def score(self, images: Images) -> DetailMetrics:
        """Compare images `(slices, rows, columns)` with the target, over the field that they have in common.

        Raises
        ------
        ValueError
            If the numbers of slices differ.
        """
        target, images = common_field(self.target, images)
        inside = crop(self.inside, *target.shape[1:])
        expected, found = fine_detail(target)[inside], fine_detail(images)[inside]
        energies = _energy(expected), _energy(found)
        signal = energies[0] - self.noise
        if not energies[0] > LEAST_SIGNAL * self.noise:
            return DetailMetrics(math.nan, math.nan)
        if not energies[1]:
            return DetailMetrics(-math.inf, 0.0)
        agreement = float(np.vdot(expected, found)) / math.sqrt(energies[0] * energies[1])
        return DetailMetrics(10 * math.log10(energies[1] / signal), agreement)


def target_detail(volume: Volume, target: Images) -> TargetDetail:
    """Find the fine detail of a volume's target, and how much of it is noise.

    The energy of the noise is that of `rss(k + n) - rss(k)`, where `k` is the full scan and `n` more noise of the
    same power: the root sum of squares is linear in noise as weak as this.

    Parameters
    ----------
    volume
        Fully sampled scan.
    target
        Its target, float32 `(slices, rows, columns)`.

    Raises
    ------
    InputError
        If a slice cannot be read.
    """
    inside = near_foreground(target)
    noise = np.stack([_noise_image(volume.read(index), target.shape[1:]) for index in range(len(volume))])
    return TargetDetail(volume, target, inside, _energy(fine_detail(noise)[inside]))


def near_foreground(target: Images) -> NDArray[np.bool_]:
    """Mark the object of a target `(slices, rows, columns)` and what lies near it; the rest is air and its noise."""
    from scipy import ndimage  # noqa: PLC0415 - slow to import

    return np.stack([ndimage.binary_dilation(one, iterations=MARGIN) for one in foreground(target)])


def fine_detail(images: Images) -> NDArray[np.float64]:
    """Return what images `(slices, rows, columns)` hold at `FINE` cycles per pixel and beyond.

    `FINE` is a distance from the centre of k-space; the corners, up to 0.71 cycles per pixel, belong to it.
    """
    down, across = np.fft.fftfreq(images.shape[1]), np.fft.rfftfreq(images.shape[2])
    beyond = np.hypot(down[:, None], across) >= FINE
    detail: NDArray[np.float64] = np.fft.irfft2(np.fft.rfft2(images) * beyond, images.shape[1:])
    return detail


def _noise_image(acquisition: Acquisition, size: Sequence[int]) -> Images:
    """Return what more noise, as strong as the scan's, changes in the root sum of squares of a full scan."""
    kspace, measured = acquisition.kspace, acquisition.mask
    generator = torch.Generator().manual_seed(0)
    white = torch.randn(kspace.shape, generator=generator, dtype=kspace.dtype)
    noise = white * noise_variance(acquisition).sqrt()[:, None, None]
    noise = torch.where((kspace != 0) | ~measured, noise, 0)  # none in what the scanner left at zero
    change: Images = (rss(ifft(kspace + noise)) - rss(ifft(kspace))).numpy()
    return crop(change, size[0], size[1])


def _energy(detail: NDArray[np.float64]) -> float:
    return float(np.square(detail, dtype=np.float64).sum())
