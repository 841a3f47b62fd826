"""Draws masks along both axes of a matrix, which are the two phase encodings of a three-dimensional scan."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from recon.data.masks.kind import MaskKind

if TYPE_CHECKING:  # reading a file's header takes no torch
    from numpy.typing import NDArray
    from torch import Tensor

    from recon.data.masks.kind import Seed, Steps

Matrix = tuple[int, int]

LEAST_SIDE = 16
"""Smallest side of the calibration rectangle, in samples: coil maps and kernels need that many."""

CENTRAL = 0.5
"""Smallest distance of neighbours at DC, over the amount by which it grows up to the edge of the ellipse."""

EXCESS = 0.01
"""Share of samples drawn in excess and then left out at which the search for the distance ends."""

MOST_TRIALS = 16
"""Largest number of distances tried."""


def whole_steps(kind: MaskKind, acceleration: int) -> Steps:
    """Return the steps along both axes and the shift of a regular mask of this acceleration.

    The steps are as equal as their product allows, the larger one along phase.
    """
    first = max(step for step in range(1, math.isqrt(acceleration) + 1) if acceleration % step == 0)
    second = acceleration // first
    return first, second, natural_shift(kind, second)


def natural_shift(kind: MaskKind, step: int) -> int:
    """Return how far a lattice of this step along phase shifts from row to row: by half of it with CAIPIRINHA."""
    return step // 2 if kind == MaskKind.CAIPI else 0


@lru_cache(maxsize=8)
def draw_plane(
    kind: MaskKind,
    matrix: Matrix,
    acceleration: float,
    center_fraction: float,
    seed: Seed,
    steps: Steps | None = None,
) -> Tensor:
    """Draw a mask along both axes, with a fully sampled rectangle about DC.

    Parameters
    ----------
    kind
        Choice of the samples outside the rectangle, one of `PLANES`.
    matrix
        Number of samples `(readout, phase)`.
    acceleration
        Number of samples of the matrix over those measured; `caipi` and `regular` measure the rectangle in addition.
    center_fraction
        Fraction of the matrix in the rectangle, which has the shape of the matrix and at least 16 samples a side;
        zero for no rectangle.
    seed
        Seed of the random choice.
    steps
        Steps along both axes, and shift along phase from one measured row to the next; None to follow from the
        acceleration.

    Returns
    -------
    Tensor
        bool `(readout, phase)`; not to be changed, because all slices of a volume share it.
    """
    import torch  # noqa: PLC0415 - takes a second to import

    random = np.random.RandomState(seed)
    center = _center(matrix, center_fraction)
    if kind == MaskKind.POISSON:
        mask = _poisson_disc(center, round(center.size / acceleration), random)
    else:
        mask = center | _lattice(matrix, steps or whole_steps(kind, round(acceleration)), random)
    return torch.from_numpy(mask)


def _lattice(matrix: Matrix, steps: Steps, random: np.random.RandomState) -> NDArray[np.bool_]:
    """Mark a regular lattice, whose columns shift from row to row (CAIPIRINHA, Breuer et al. 2006)."""
    down, across, shift = steps
    row, column = (np.arange(size) - random.randint(step) for size, step in zip(matrix, (down, across), strict=True))
    return (row % down == 0)[:, None] & ((column - shift * (row // down)[:, None]) % across == 0)


def _poisson_disc(center: NDArray[np.bool_], count: int, random: np.random.RandomState) -> NDArray[np.bool_]:
    """Mark `count` samples within the ellipse that touches the edges, which keep a distance that grows with `|k|`.

    Samples are tried in random order, and each that is measured keeps later ones at a distance (Poisson disc),
    the largest that leaves enough.
    """
    shape = center.shape[0], center.shape[1]
    rows, columns = (2 * (np.arange(size) - size // 2) / size for size in shape)
    reach = np.hypot(rows[:, None], columns)
    inside = (reach <= 1) & ~center
    order = random.permutation(np.flatnonzero(inside))
    wanted = min(max(count - int(center.sum()), 0), len(order))
    chosen = _apart_at_best(shape, order, CENTRAL + reach, wanted) if wanted else order
    mask = center.copy()
    mask.reshape(-1)[chosen[:wanted]] = True
    return mask


def _apart_at_best(
    shape: Matrix, order: NDArray[np.intp], distance: NDArray[np.float64], wanted: int
) -> NDArray[np.intp]:
    """Return at least the wanted number of samples, as far apart as they can be.

    The factor of the distances is sought between two that leave too many and too few samples, where the logarithms
    of factor and number have about a constant slope.
    """
    chosen, fewest = order, 0
    low = high = 0.5
    for _ in range(MOST_TRIALS):
        if len(chosen) <= (1 + EXCESS) * wanted:
            break
        if not fewest:
            factor = 2 * high
        else:
            span = math.log(len(chosen) / fewest)
            share = math.log(len(chosen) / wanted) / span - EXCESS / (2 * span)
            factor = low * (high / low) ** min(max(share, 0.05), 0.95)
        trial = _keep_apart(shape, order, factor * distance)
        if len(trial) < wanted:
            high, fewest = factor, max(len(trial), 1)
        else:
            chosen, low = trial, factor
            high = max(high, factor)
    return chosen


def _keep_apart(shape: Matrix, order: NDArray[np.intp], distance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the samples, in their order, that no earlier one keeps away.

    Parameters
    ----------
    shape
        Matrix.
    order
        Flat indices of samples.
    distance
        Distance `shape` below which each sample keeps others away.
    """
    margin = math.ceil(distance.max())
    width = shape[1] + 2 * margin
    squares = np.square(np.arange(-margin, margin + 1))
    near = squares[:, None] + squares
    rows, columns = np.divmod(order, shape[1])
    places = (rows + margin) * width + columns + margin
    reaches = np.ceil(np.square(distance.reshape(-1)[order])).astype(int)
    discs = {reach: _offsets(near < reach, width) for reach in np.unique(reaches).tolist()}
    taken = np.zeros((shape[0] + 2 * margin) * width, bool)
    kept = []
    for number, (place, reach) in enumerate(zip(places.tolist(), reaches.tolist(), strict=True)):
        if not taken[place]:
            kept.append(number)
            if reach > 1:
                taken[place + discs[reach]] = True
    return order[kept]


def _offsets(disc: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Return the flat offsets of a disc `(side, side)` from its middle, in an array of this width."""
    rows, columns = np.nonzero(disc)
    return (rows - len(disc) // 2) * width + columns - len(disc) // 2


def _center(matrix: Matrix, fraction: float) -> NDArray[np.bool_]:
    """Mark the rectangle about DC."""
    center = np.zeros(matrix, bool)
    if fraction > 0:
        sides = [min(max(round(size * math.sqrt(fraction)), LEAST_SIDE), size) for size in matrix]
        top, left = (size // 2 - side // 2 for size, side in zip(matrix, sides, strict=True))
        center[top : top + sides[0], left : left + sides[1]] = True
    return center
