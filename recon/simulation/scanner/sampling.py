"""Draws the sampling masks of simulated scans: lines, partial Fourier, and two undersampled phase axes."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

CENTRE_SIDE = 16
"""Least side of the fully sampled rectangle in the middle of masks of two axes."""

LARGEST_DISC = 4
"""Largest distance between samples, in samples, that `poisson_disc` tries to keep."""


class Layout(StrEnum):
    """Samples that a scan measures: whole lines, or a pattern in two phase axes."""

    LINES = "lines"
    POISSON = "poisson"
    CAIPI = "caipi"


def poisson_disc(shape: tuple[int, int], acceleration: float, rng: np.random.Generator) -> Tensor:
    """Draw samples that keep their distance from each other (Poisson disc), and a fully sampled middle.

    Samples are drawn in random order, each unless one within the distance was drawn before, as Luby (1986) finds
    maximal independent sets: in each round those of the highest rank among their neighbours. The distance is the
    largest that leaves enough samples; which of these are kept is left to chance.

    Parameters
    ----------
    shape
        Samples along both axes.
    acceleration
        Number of samples over number of those measured, the middle included.
    rng
        Source of the ranks.

    Returns
    -------
    Tensor
        bool `shape`.
    """
    rank = torch.from_numpy(rng.permutation(shape[0] * shape[1]).astype(np.float32) + 1).reshape(shape)
    middle = _middle(shape, acceleration)
    wanted = max(round(rank.numel() / acceleration) - int(middle.sum()), 0)
    for distance in range(LARGEST_DISC, -1, -1):
        chosen = _independent(rank, distance) & ~middle
        if int(chosen.sum()) >= wanted:
            break
    kept = torch.zeros(rank.numel(), dtype=torch.bool)
    kept[torch.where(chosen, rank, 0).flatten().topk(wanted).indices] = True
    return kept.reshape(shape) | middle


def caipi(shape: tuple[int, int], acceleration: float, rng: np.random.Generator) -> Tensor:
    """Draw a regular pattern, shifted from row to row (CAIPIRINHA, Breuer et al. 2006), and a fully sampled middle.

    Parameters and result are those of `poisson_disc`; the acceleration of the pattern is the nearest product of two
    whole steps, and the middle is measured in addition.
    """
    steps = [(down, across) for down in range(1, 4) for across in range(1, 6)]
    nearest = min(abs(down * across - acceleration) for down, across in steps)
    fitting = [pair for pair in steps if abs(pair[0] * pair[1] - acceleration) == nearest]
    down, across = fitting[rng.integers(len(fitting))]
    shift = int(rng.integers(across))
    rows, columns = (torch.arange(size) for size in shape)
    start = rows - int(rng.integers(down))
    pattern = (start % down == 0)[:, None] & ((columns[None] - start[:, None] // down * shift) % across == 0)
    return pattern | _middle(shape, acceleration)


def cut_lines(mask: Tensor, share: float) -> Tensor:
    """Leave out the last lines of a mask `(..., phase)`, as partial Fourier imaging does, and keep this share."""
    lines = mask.shape[-1]
    return mask & (torch.arange(lines, device=mask.device) < round(share * lines))


def _independent(rank: Tensor, distance: int) -> Tensor:
    """Select samples of which no two are as near as `distance` along both axes, and to which none can be added."""
    chosen = torch.zeros_like(rank, dtype=torch.bool)
    left = rank
    while left.any():
        highest = (left > 0) & (_largest_near(left, distance) == left)
        chosen |= highest
        left = torch.where(_largest_near(highest.float(), distance) > 0, 0, left)
    return chosen


def _largest_near(values: Tensor, distance: int) -> Tensor:
    return max_pool2d(values[None, None], 2 * distance + 1, stride=1, padding=distance)[0, 0]


def _middle(shape: tuple[int, int], acceleration: float) -> Tensor:
    """Mark the fully sampled rectangle: a fifth of the measured samples, and large enough for coil maps."""
    share = (0.2 / acceleration) ** 0.5
    middle = torch.zeros(shape, dtype=torch.bool)
    rows, columns = (min(max(CENTRE_SIDE, round(share * size)), size) for size in shape)
    top, left = shape[0] // 2 - rows // 2, shape[1] // 2 - columns // 2
    middle[top : top + rows, left : left + columns] = True
    return middle
