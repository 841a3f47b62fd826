"""Provides what series are simulated from: measured cines of a file, drawn hearts, or still pictures that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from recon.data.errors import InputError
from recon.simulation.cine.motion import pulsate
from recon.simulation.cine.torso import Torso
from recon.simulation.scanner.subject.anatomy import Anatomy, load_anatomies

Movie = NDArray[np.float32]

BEAT = (0.65, 1.1)
"""Range of the duration of a drawn heart beat, in seconds."""

USUAL_INTERVAL = 40.0
"""Time between the frames of a measured cine in ms, by which breathing proceeds; files do not say theirs."""

FEWEST_FRAMES = 3
"""Smallest number of images that can be a cine."""


@dataclass(frozen=True, eq=False)
class Beat:
    """Magnitude images of hearts.

    Attributes
    ----------
    images
        float32 `(slices, frames, rows, columns)`, roughly between 0 and 1, the chest in the first rows.
    interval
        Time between frames, in ms.
    known
        Whether this is the true time, and not a usual one.
    phases
        Times of the frames in heart cycles.
    """

    images: Movie
    interval: float
    known: bool
    phases: NDArray[np.float64]


class Source(Protocol):
    """Something that shows a beating heart."""

    def beat(self, frames: int, slices: int, beats: int, rng: np.random.Generator) -> Beat:
        """Return so many frames of so many slices, over so many heart beats."""


@dataclass(frozen=True)
class DrawnHeart:
    """A new person for every series; neighbouring slices follow the heart from its base towards its apex."""

    def beat(self, frames: int, slices: int, beats: int, rng: np.random.Generator) -> Beat:
        """Draw a person and a rate of the heart."""
        torso, interval = Torso.draw(rng), 1000 * rng.uniform(*BEAT) * beats / frames
        phases = np.arange(frames) * beats / frames
        heights = np.linspace(0, 0.9, slices) if slices > 1 else [rng.uniform(0, 0.7)]
        return Beat(np.stack([torso.render(phases, float(one)) for one in heights]), interval, True, phases)


@dataclass(frozen=True, eq=False)
class MeasuredCine:
    """Frames of one slice that a scanner has measured.

    Attributes
    ----------
    volume
        Frames in the order of time, `(frames, rows, columns)`.
    """

    volume: Anatomy

    def beat(self, frames: int, slices: int, beats: int, rng: np.random.Generator) -> Beat:
        """Return successive frames from a random one on, forwards or backwards; after the last follows the first.

        Raises
        ------
        InputError
            If several slices or beats are asked for: the file shows one slice at its own rate.
        """
        if slices > 1 or beats > 1:
            raise InputError(
                f"{self.volume.name}: shows one slice at its own heart rate; several slices or beats are for hearts "
                "that are drawn"
            )
        first, step = int(rng.integers(len(self.volume.image))), int(rng.choice([-1, 1]))
        chosen = (first + step * np.arange(frames)) % len(self.volume.image)
        images = self.volume.image[chosen].astype(np.float32) / np.float32(self.volume.unit)
        return Beat(images[None], USUAL_INTERVAL, False, chosen / len(self.volume.image))


@dataclass(frozen=True, eq=False)
class MovingPicture:
    """Still images of any anatomy, a part of which contracts as a heart does: textures that no drawn heart has.

    Attributes
    ----------
    volume
        Images `(slices, rows, columns)`, one of which is chosen for each series.
    """

    volume: Anatomy

    def beat(self, frames: int, slices: int, beats: int, rng: np.random.Generator) -> Beat:
        """Choose an image and move it over so many beats, all slices alike."""
        interval, phases = 1000 * rng.uniform(*BEAT) * beats / frames, np.arange(frames) * beats / frames
        still = torch.from_numpy(self.volume.slice(int(rng.integers(len(self.volume)))))
        movie: Movie = pulsate(still, phases, rng).numpy()
        return Beat(np.stack([movie] * slices), interval, True, phases)


def load_cines(places: Sequence[Path]) -> list[MeasuredCine]:
    """Read measured cines: the `image` of `.npz` files, real `(frames, rows, columns)`, and DICOM and NIfTI images.

    Raises
    ------
    InputError
        If there is no file, or a file holds no such images, or too few of them.
    """
    volumes = load_anatomies(places)
    for volume in volumes:
        if len(volume.image) < FEWEST_FRAMES:
            raise InputError(f"{volume.path}: holds {len(volume.image)} images; a cine has at least {FEWEST_FRAMES}")
    return list(map(MeasuredCine, volumes))


def load_pictures(places: Sequence[Path]) -> list[MovingPicture]:
    """Read still images: the `image` of `.npz` files, real `(slices, rows, columns)`, and DICOM and NIfTI images.

    Raises
    ------
    InputError
        If there is no file, or a file holds no such images.
    """
    return list(map(MovingPicture, load_anatomies(places)))
