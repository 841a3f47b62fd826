"""Draws the lines of every frame of a series: other ones in each frame, so that frames complete one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # reading a file's header takes no torch
    from torch import Tensor

    from recon.data.masks.kind import Seed

SPREAD = 0.1
"""Standard deviation of the density of random lines, in units of the number of lines (Schlemper et al. 2017)."""


def kt_equispaced(phase: int, acceleration: float, center_fraction: float, seed: Seed, frame: int) -> Tensor:
    """Measure every n-th line, one line further in every frame (TSENSE, Kellman et al. 2001), and the centre.

    The centre is measured in addition. As many frames as the acceleration together measure every line.

    Returns
    -------
    Tensor
        bool `(phase,)`.
    """
    step = round(acceleration)
    first = int(np.random.RandomState(seed).randint(step))
    lines = np.arange(phase)
    return _with_center((lines - first - frame) % step == 0, center_fraction)


def kt_random(phase: int, acceleration: float, center_fraction: float, seed: Seed, frame: int) -> Tensor:
    """Draw the lines of each frame from a normal density on top of a uniform one (Schlemper et al. 2017).

    The density is `exp(-(k / N)^2 / (2 SPREAD^2)) + 1 / (2 R)` for the line `k` from DC of `N` lines. The centre is
    part of the `N / R` lines of every frame.

    Returns
    -------
    Tensor
        bool `(phase,)`.
    """
    random = np.random.RandomState((*_words(seed), frame))
    mask = _center(phase, center_fraction)
    outside = np.flatnonzero(~mask)
    distance = (outside - phase // 2) / phase
    density = np.exp(-(distance**2) / (2 * SPREAD**2)) + 1 / (2 * acceleration)
    count = min(max(round(phase / acceleration) - int(mask.sum()), 0), len(outside))
    mask[random.choice(outside, count, replace=False, p=density / density.sum())] = True
    return _with_center(mask, 0)


def _words(seed: Seed) -> tuple[int, ...]:
    return seed if isinstance(seed, tuple) else (seed,)


def _center(phase: int, fraction: float) -> np.ndarray:
    """Return the mask of the lines around DC, as many as fastMRI's functions would measure."""
    count = round(phase * fraction)
    mask = np.zeros(phase, bool)
    first = (phase - count + 1) // 2
    mask[first : first + count] = True
    return mask


def _with_center(mask: np.ndarray, fraction: float) -> Tensor:
    import torch  # noqa: PLC0415 - takes a second to import

    return torch.from_numpy(mask | _center(len(mask), fraction))
