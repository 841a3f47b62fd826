"""Prepares complex images with noise: slices of files and simulated heads, and unfolded scans of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.classical.unfolding.sense_unfold import SenseUnfold
from recon.classical.zero_filled import ZeroFilled
from recon.data.acquisition import Acquisition
from recon.data.errors import InputError
from recon.data.masks.kind import MaskKind
from recon.data.masks.sampling import Sampling, seed_of
from recon.data.open import find_files, open_volume
from recon.fourier import fft
from recon.preprocessing.echo import centre_echo
from recon.simulation.noisy_patches import brightness, white_noise
from recon.simulation.raw_files import SimulatedVolume, simulate_volume

HEAD_MATRIX, HEAD_SNR = (256, 256), 40.0
"""Matrix of the simulated heads, and the SNR of their raw data; their images are taken without that noise."""

COILS, ACCELERATION, CENTER, UNFOLDED_SNR = 8, 3, 0.1, 20.0
"""Coils, acceleration, share of calibration lines and SNR of the scans that are unfolded."""

UNFOLDED = "unfolded"
"""Level of cases whose noise is that of parallel imaging, higher where the g-factor is."""


@dataclass(frozen=True, eq=False)
class Case:
    """An image with noise.

    Attributes
    ----------
    scene, level
        Name of the image, and the level of its noise as text.
    clean, noisy
        complex64 `(rows, columns)`.
    noise
        float32 `(rows, columns)`: standard deviation of the noise in the real part, and in the imaginary part.
    """

    scene: str
    level: str
    clean: Tensor
    noisy: Tensor
    noise: Tensor

    @property
    def mapped(self) -> bool:
        """Whether the noise differs from pixel to pixel."""
        return bool(self.noise.amax() > self.noise.amin())


@dataclass(frozen=True, eq=False)
class Scene:
    """An image to add noise to.

    Attributes
    ----------
    name
        Name of the file, or of the simulated head.
    image
        complex64 `(rows, columns)`: reference for the denoisers. That of a file holds the noise of its scan.
    """

    name: str
    image: Tensor

    def case(self, level: float) -> Case:
        """Add noise of a standard deviation of `level` times the brightness, the same every time."""
        rng = np.random.default_rng((round(1e6 * level), *seed_of(self.name)))
        noise = torch.full_like(self.image.real, level * brightness(self.image))
        noisy = self.image + noise * white_noise(self.image, rng)
        return Case(self.name, f"{level:.4g}", self.image, noisy, noise)


def read_scenes(inputs: list[Path]) -> Iterator[Scene]:
    """Combine the coils of the middle slice of every file to one complex image.

    Raises
    ------
    InputError
        If a file is undersampled or empty.
    """
    for path in find_files(inputs):
        volume = open_volume(path)
        if volume.mask is not None:
            raise InputError(f"{path}: the scan is undersampled, so there is no image to compare with")
        image = ZeroFilled().complex_image(centre_echo(volume.read(len(volume) // 2)))
        if image is None or not image.abs().any():
            raise InputError(f"{path}: the middle slice is empty")
        yield Scene(path.stem, image.contiguous())


def simulate_scenes(count: int) -> Iterator[Scene]:
    """Draw heads without noise, the same every time; none of them is a head that training draws."""
    for number in range(count):
        yield Scene(f"head {number + 1}", torch.from_numpy(_simulate(number, coils=1, snr=HEAD_SNR).image[0]))


def simulate_unfolded(count: int) -> Iterator[Case]:
    """Scan the same heads by parallel imaging and unfold them, with noise and without."""
    method, sampling = SenseUnfold(), Sampling(MaskKind.EQUISPACED, ACCELERATION, CENTER)
    for number in range(count):
        volume = _simulate(number, COILS, UNFOLDED_SNR)
        mask = torch.ones(volume.kspace.shape[-1], dtype=torch.bool)
        noisy = sampling(
            Acquisition(torch.from_numpy(volume.kspace[0]), mask, volume.header, name=f"head {number + 1}")
        )
        silent = fft(torch.from_numpy(volume.sens_maps[0] * volume.image[0]))
        clean = replace(noisy, kspace=torch.where(noisy.mask, silent, 0))
        covariance = 2 * volume.noise**2 * torch.eye(COILS, dtype=torch.complex64)
        yield Case(
            scene=noisy.name,
            level=UNFOLDED,
            clean=method.complex_image(clean),
            noisy=method.complex_image(noisy),
            noise=method.noise_map(noisy, covariance),
        )


def _simulate(number: int, coils: int, snr: float) -> SimulatedVolume:
    return simulate_volume(HEAD_MATRIX, 1, coils, snr, np.random.default_rng((2**31, number)))
