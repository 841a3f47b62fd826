"""Measures what a denoiser must not change: the contrast of regions and the width of edges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.experiments.engine.scores.metrics import foreground

Image = NDArray[np.float32]
Complex = NDArray[np.complex64]

REGION = 11
"""Side of a region, in pixels."""

REGIONS = 8
"""Number of regions, each from another range of brightness."""

REACH, STEP = 5.0, 0.125
"""Half length of an edge's profile and distance of its samples, in pixels."""

EDGES = 300
"""Number of edge pixels whose profiles are averaged."""

BAND = 4
"""Half width in pixels of the band about the object's border, whose edges are those of the skin and skull."""


@dataclass(frozen=True)
class Landmarks:
    """Places of an image at which contrast and sharpness are measured, found in the noise-free image.

    Attributes
    ----------
    image
        complex64 `(rows, columns)`, without noise.
    regions
        First row and column of the regions that vary least.
    outer, inner
        Rows, columns, and direction across the edge `(4, edges)`: at the border of the object, and inside.
    """

    image: Complex
    regions: list[tuple[int, int]]
    outer: NDArray[np.float64]
    inner: NDArray[np.float64]

    @classmethod
    def find(cls, image: Complex) -> Landmarks:
        """Find the regions and edges of an image without noise, complex64 `(rows, columns)`."""
        magnitude = np.abs(image).astype(np.float32)
        inside = foreground(magnitude[None])[0]
        core, wide = ndimage.binary_erosion(inside, iterations=BAND), ndimage.binary_dilation(inside, iterations=BAND)
        return cls(image, _regions(magnitude, core), _edges(magnitude, wide & ~core), _edges(magnitude, core))

    def contrast_changes(self, noisy: Complex, denoised: Complex) -> list[float]:
        """Return by what share the mean of each region changed, in phase with the noise-free image.

        The reference is the noisy image, whose own deviation is not the denoiser's fault; magnitudes would be biased.
        """
        phase = np.exp(-1j * np.angle(self.image))
        before, after, true = ((image * phase).real for image in (noisy, denoised, self.image))
        return [
            float((_mean(after, corner) - _mean(before, corner)) / _mean(true, corner)) for corner in self.regions
        ]

    def rise_changes(self, denoised: Complex) -> tuple[float, float]:
        """Return by what share the 10-90 % rise of the outer and of the inner edges grew; NaN without edges."""
        images = np.abs(self.image), np.abs(denoised)
        outer, inner = ([_rise(image, places) for image in images] for places in (self.outer, self.inner))
        return outer[1] / outer[0] - 1, inner[1] / inner[0] - 1


def _regions(magnitude: Image, inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Choose the region of least variation, relative to its mean, in each range of brightness; none overlap."""
    mean = ndimage.uniform_filter(magnitude, REGION)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(magnitude**2, REGION) - mean**2, 0)) / np.maximum(mean, 1e-30)
    usable = ndimage.binary_erosion(inside, np.ones((REGION, REGION)))
    if not usable.any():
        return []
    chosen: list[tuple[int, int]] = []
    edges = np.quantile(mean[usable], np.linspace(0, 1, REGIONS + 1))
    for lower, upper in pairwise(edges):
        candidates = np.where(usable & (mean >= lower) & (mean <= upper), spread, np.inf)
        if not np.isfinite(candidates).any():
            continue
        row, column = np.unravel_index(int(candidates.argmin()), candidates.shape)
        chosen.append((int(row) - REGION // 2, int(column) - REGION // 2))
        usable[max(row - REGION, 0) : row + REGION, max(column - REGION, 0) : column + REGION] = False
    return chosen


def _mean(image: NDArray[np.floating], corner: tuple[int, int]) -> float:
    row, column = corner
    return float(image[row : row + REGION, column : column + REGION].mean(dtype=np.float64))


def _edges(magnitude: Image, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return rows, columns and unit vectors across the steepest edges, `(4, edges)`."""
    down, across = (ndimage.gaussian_filter(magnitude, 1.0, order=order) for order in ((1, 0), (0, 1)))
    steepness = np.hypot(down, across)
    ridge = steepness >= ndimage.maximum_filter(steepness, 3)  # one pixel of each edge
    margin = int(REACH) + 2
    allowed = np.zeros_like(where)
    allowed[margin:-margin, margin:-margin] = (where & ridge)[margin:-margin, margin:-margin]
    rows, columns = np.nonzero(allowed)
    order = np.argsort(-steepness[rows, columns])[:EDGES]
    rows, columns = rows[order], columns[order]
    size = np.maximum(steepness[rows, columns], 1e-30)
    return np.stack([rows, columns, down[rows, columns] / size, across[rows, columns] / size])


def _rise(magnitude: NDArray[np.floating], edges: NDArray[np.float64]) -> float:
    """Return the 10-90 % rise in pixels of the mean profile across edges; averaging removes the noise."""
    if not edges.size:
        return float("nan")
    row, column, down, across = edges[:, :, None]
    distance = np.arange(-REACH, REACH + STEP / 2, STEP)
    places = np.stack([row + distance * down, column + distance * across])
    profile = ndimage.map_coordinates(magnitude.astype(np.float64), places, order=3).mean(0)
    middle = len(profile) // 2
    near = slice(middle - int(3 / STEP), middle + int(3 / STEP) + 1)
    low, high = profile[near].min(), profile[near].max()
    share = (profile - low) / (high - low)
    return float(_crossing(distance, share, 0.9, middle) - _crossing(distance, share, 0.1, middle))


def _crossing(distance: NDArray[np.float64], share: NDArray[np.float64], level: float, middle: int) -> float:
    """Return where a rising profile crosses a level, from the middle outwards."""
    step = 1 if share[middle] < level else -1
    place = middle
    while 0 < place < len(share) - 1 and (share[place] < level) == (step == 1):
        place += step
    low, high = sorted((place, place - step))
    part = (level - share[low]) / (share[high] - share[low])
    return float(distance[low] + part * (distance[high] - distance[low]))
