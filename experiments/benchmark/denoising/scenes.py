"""Prepares the complex images that noise is added to: the middle slice of each file, and simulated heads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recon.classical.zero_filled import ZeroFilled
from recon.data.errors import InputError
from recon.data.masks import seed_of
from recon.data.open import find_files, open_volume
from recon.preprocessing.echo import centre_echo
from recon.simulation.noisy_patches import brightness, white_noise
from recon.simulation.raw_files import simulate_volume

HEAD_MATRIX, HEAD_SNR = (256, 256), 40.0
"""Matrix of the simulated heads, and the SNR of their raw data, which the images do not have."""


@dataclass(frozen=True, eq=False)
class Scene:
    """An image to add noise to.

    Attributes
    ----------
    name
        Name of the file, or of the simulated head.
    image
        complex64 `(rows, columns)`: what denoisers are compared with. That of a file has the noise of its scan.
    """

    name: str
    image: Tensor

    def fingerprint(self) -> str:
        """Return the SHA-256 of the image."""
        return hashlib.sha256(self.image.numpy().tobytes()).hexdigest()

    def sigma(self, level: float) -> float:
        """Return the standard deviation of noise of a level, in the image's units."""
        return level * brightness(self.image)

    def noisy(self, level: float) -> Tensor:
        """Add noise whose real and imaginary part have this standard deviation; the same every time."""
        rng = np.random.default_rng((round(1e6 * level), *seed_of(self.name)))
        return self.image + self.sigma(level) * white_noise(self.image, rng)


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
        volume = simulate_volume(HEAD_MATRIX, 1, 1, HEAD_SNR, np.random.default_rng((2**31, number)))
        yield Scene(f"head {number + 1}", torch.from_numpy(volume.image[0]))
