"""Moves a heart and a chest: how far the heart has contracted, and where breathing has carried the body."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from recon.simulation.scanner.random_fields import coordinates, smooth_plane

END_SYSTOLE, FILLED, ATRIUM = 0.36, 0.62, 0.86
"""Phases of the heart cycle at which contraction, early filling and diastasis end; the atrium fills the rest."""

LEFT_TO_ATRIUM = 0.15
"""Share of the stroke that the atrium fills."""

PULSATING, SQUEEZED = (0.1, 0.4), (0.05, 0.35)
"""Ranges of the radius that contracts in a picture, where half its width is 1, and of the share it contracts by."""

SWAYING, BRIGHTER = 0.04, 0.25
"""Largest amplitude with which a picture sways, and share by which its contracting part changes brightness."""

BREATH = (3.0, 5.0)
"""Range of the duration of a breath, in seconds."""

STILL = 0.2
"""Displacement of the back by breathing, as a share of that of the chest."""


def contraction(phases: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the left ventricle has contracted, from 0 at end diastole to 1 at end systole.

    The curve has the stages of measured ones: ejection, early filling, diastasis, and atrial contraction.

    Parameters
    ----------
    phases
        Times in heart cycles; whole numbers are R waves.
    """
    phase = phases % 1

    def rise(first: float, last: float) -> NDArray[np.float64]:
        share = np.clip((phase - first) / (last - first), 0, 1)
        return (1 - np.cos(np.pi * share)) / 2

    filled = (1 - LEFT_TO_ATRIUM) * rise(END_SYSTOLE, FILLED) + LEFT_TO_ATRIUM * rise(ATRIUM, 1)
    return rise(0, END_SYSTOLE) - filled


def breathing(seconds: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a breath of random duration and phase, and return the displacement from 0 to 1 at these times."""
    turns = seconds / rng.uniform(*BREATH) + rng.random()
    return np.sin(np.pi * turns) ** 2


def pulsate(image: Tensor, phases: NDArray[np.float64], rng: np.random.Generator) -> Tensor:
    """Let a round part of a picture contract with the heart, and the rest sway with it: `(frames, rows, columns)`.

    Parameters
    ----------
    image
        real `(rows, columns)`.
    phases
        Times of the frames in heart cycles.
    rng
        Source of the place, the size and the strength of the motion.
    """
    rows, columns = image.shape
    y, x = coordinates((rows, columns), image.device)
    down, across = rng.uniform(-0.35, 0.35, 2)
    near = torch.exp(-((y - down) ** 2 + (x - across) ** 2) / (2 * rng.uniform(*PULSATING) ** 2))
    squeezed = rng.uniform(*SQUEEZED) * contraction(phases)
    swaying = rng.uniform(0, SWAYING) * np.sin(2 * np.pi * (phases + rng.random()))
    fields = [smooth_plane((rows, columns), 4, rng, image.device) for _ in range(2)]
    brighter = rng.uniform(-BRIGHTER, BRIGHTER) * contraction(phases + rng.uniform(0, 0.2))
    frames = []
    for inwards, aside, gain in zip(squeezed.tolist(), swaying.tolist(), brighter.tolist(), strict=True):
        stretch = near * (1 / (1 - inwards) - 1)
        there = [x + (x - across) * stretch + aside * fields[0], y + (y - down) * stretch + aside * fields[1]]
        grid = torch.stack([one.expand(rows, columns) for one in there], -1)[None]
        moved = grid_sample(image[None, None], grid, mode="bicubic", padding_mode="border", align_corners=True)
        frames.append(moved[0, 0] * (1 + gain * near))
    return torch.stack(frames)


def displace(images: Tensor, pixels: NDArray[np.float64]) -> Tensor:
    """Move each frame along the rows, the chest in the first rows most and the back in the last hardly.

    Parameters
    ----------
    images
        real `(frames, rows, columns)`.
    pixels
        Displacement of the first rows of each frame.
    """
    rows, columns = images.shape[1:]
    y, x = coordinates((rows, columns), images.device)
    share = STILL + (1 - STILL) * (1 - y) / 2
    moved = [y - share * float(one) * 2 / max(rows - 1, 1) for one in pixels]
    grid = torch.stack([torch.stack([x.expand(rows, columns), one.expand(rows, columns)], -1) for one in moved])
    return grid_sample(images[:, None], grid, mode="bicubic", padding_mode="border", align_corners=True)[:, 0]


def cyclic_phase(shape: tuple[int, int], phases: NDArray[np.float64], waves: tuple[Tensor, Tensor]) -> Tensor:
    """Let a smooth phase in radians come and go with the heart: `(frames, rows, columns)` of two waves."""
    angles = torch.from_numpy(2 * math.pi * phases).float()[:, None, None]
    cosine, sine = (wave.expand(shape) for wave in waves)
    return angles.cos() * cosine + angles.sin() * sine
