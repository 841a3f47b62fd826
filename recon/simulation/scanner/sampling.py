"""Draws the sampling masks of simulated scans: two undersampled phase axes, and partial Fourier."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recon.data.masks.kind import MaskKind, Steps
from recon.data.masks.planes import draw_plane

MIDDLE = 0.2
"""Share of the measured samples of masks of two axes in the fully sampled rectangle, which coil maps need."""

LARGEST_STEPS = (3, 5)
"""Largest steps of CAIPIRINHA along both axes."""


def draw_plane_mask(kind: MaskKind, shape: tuple[int, int], acceleration: float, rng: np.random.Generator) -> Tensor:
    """Draw a mask along both axes with a fully sampled middle.

    Parameters
    ----------
    kind
        `poisson`, or `caipi` with steps and a shift left to chance.
    shape
        Samples along both axes.
    acceleration
        Number of samples over number of those measured, the middle included; with `caipi` the middle is measured in
        addition, and the product of the steps is the nearest one.
    rng
        Source of seed, steps and shift.

    Returns
    -------
    Tensor
        bool `shape`; not to be changed, because masks of the same seed share it.
    """
    steps = _draw_steps(acceleration, rng) if kind == MaskKind.CAIPI else None
    return draw_plane(kind, shape, acceleration, MIDDLE / acceleration, int(rng.integers(2**32)), steps)


def cut_lines(mask: Tensor, share: float) -> Tensor:
    """Leave out the last lines of a mask `(..., phase)`, as partial Fourier imaging does, and keep this share."""
    lines = mask.shape[-1]
    return mask & (torch.arange(lines, device=mask.device) < round(share * lines))


def _draw_steps(acceleration: float, rng: np.random.Generator) -> Steps:
    """Draw one of the pairs of steps whose product is nearest to the acceleration, and any shift."""
    rows, columns = (range(1, largest + 1) for largest in LARGEST_STEPS)
    steps = [(down, across) for down in rows for across in columns]
    nearest = min(abs(down * across - acceleration) for down, across in steps)
    fitting = [pair for pair in steps if abs(pair[0] * pair[1] - acceleration) == nearest]
    down, across = fitting[rng.integers(len(fitting))]
    return down, across, int(rng.integers(across))
