"""Compare predicted standard deviations with true errors, and plot one over the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recon.experiments.engine.scores.metrics import Images, common_field

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGES = np.geomspace(1e-5, 10, 49)
"""Edges of the bins of predicted standard deviations, as shares of the largest target value."""

SMALLEST_BIN = 1e-3
"""Smallest share of all pixels that a plotted bin holds: the mean of fewer pixels is mostly chance."""

Sums = NDArray[np.float64]


def _zeros() -> Sums:
    return np.zeros(len(EDGES) + 1)


@dataclass(eq=False)
class Reliability:
    """Statistics of the pixels, binned by the standard deviation that was predicted for their error.

    Attributes
    ----------
    pixels
        Number of pixels in each bin.
    predicted, true
        Sums of the predicted variances and of the true squared errors in each bin.
    within
        Numbers of pixels whose error is smaller than one and than two standard deviations.
    """

    pixels: Sums = field(default_factory=_zeros)
    predicted: Sums = field(default_factory=_zeros)
    true: Sums = field(default_factory=_zeros)
    within: Sums = field(default_factory=lambda: np.zeros(2))

    def add(self, target: Images, images: Images, uncertainty: Images) -> None:
        """Add the pixels of a volume; all arrays are `(slices, rows, columns)`.

        Raises
        ------
        ValueError
            If the numbers of slices differ.
        """
        unit = float(target.max()) or 1.0
        error = np.abs(np.subtract(*common_field(target, images))).ravel() / unit
        sigma = common_field(target, uncertainty)[1].ravel() / unit
        bins, count = np.digitize(sigma, EDGES), len(EDGES) + 1
        self.pixels += np.bincount(bins, minlength=count)
        self.predicted += np.bincount(bins, sigma**2, minlength=count)
        self.true += np.bincount(bins, error**2, minlength=count)
        self.within += [np.count_nonzero(error < times * sigma) for times in (1, 2)]

    def merge(self, other: Reliability) -> None:
        """Add the pixels of other statistics."""
        self.pixels += other.pixels
        self.predicted += other.predicted
        self.true += other.true
        self.within += other.within

    @property
    def coverage(self) -> tuple[float, float]:
        """Shares of pixels whose error is smaller than one and than two standard deviations."""
        one, two = self.within / max(self.pixels.sum(), 1)
        return float(one), float(two)

    def curve(self) -> tuple[Sums, Sums]:
        """Return the predicted and the true root mean square error of each bin."""
        shown = self.pixels > SMALLEST_BIN * self.pixels.sum()
        pixels = self.pixels[shown]
        return np.sqrt(self.predicted[shown] / pixels), np.sqrt(self.true[shown] / pixels)


def draw_reliability(methods: Mapping[str, Reliability]) -> Figure:
    """Plot true over predicted errors of each method, and the line on which both are equal."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(5.6, 5.4), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    for name, reliability in methods.items():
        one, two = reliability.coverage
        label = f"{name}: {one:.0%} within 1 SD, {two:.0%} within 2 SD"
        axes.plot(*reliability.curve(), marker=".", linewidth=1.2, label=label)
    axes.set(xscale="log", yscale="log")
    low, high = (bound(axes.get_xlim() + axes.get_ylim()) for bound in (min, max))
    axes.plot([low, high], [low, high], color="black", linestyle="--", linewidth=0.8, label="ideal")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel("predicted standard deviation (SD), as a share of the largest target value")
    axes.set_ylabel("true root mean square error, same unit")
    axes.grid(which="both", alpha=0.2)
    axes.legend(loc="lower right", fontsize=7)
    return figure
