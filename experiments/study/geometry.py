"""Places regions and lines, given in mm, on the pixels of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Positions `(points, 2)`: x and y in mm, or row and column of pixels."""


@dataclass(frozen=True)
class Frame:
    """The frame of an image in mm: x runs right and y down from pixel `N // 2` of either axis.

    Attributes
    ----------
    shape
        Size of the image `(rows, columns)`.
    spacing
        Distances between rows and between columns, in mm.
    """

    shape: tuple[int, int]
    spacing: tuple[float, float]

    def positions(self) -> tuple[Points, Points]:
        """Return x and y of every pixel's centre, each `(rows, columns)` in mm."""
        y, x = ((np.arange(size) - size // 2) * step for size, step in zip(self.shape, self.spacing, strict=True))
        across, down = np.meshgrid(x, y)
        return across, down

    def to_pixels(self, points: Points) -> Points:
        """Return row and column of positions `(points, 2)` in mm, with fractions."""
        middle = np.array([self.shape[0] // 2, self.shape[1] // 2])
        return points[:, ::-1] / np.array(self.spacing) + middle


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in the frame of an image.

    Attributes
    ----------
    center
        Centre `(x, y)` in mm.
    radii
        Half axes in mm, along x and y before the ellipse is turned.
    angle
        Angle by which it is turned from x to y, in degrees.
    """

    center: tuple[float, float]
    radii: tuple[float, float]
    angle: float = 0.0

    def mask(self, frame: Frame) -> NDArray[np.bool_]:
        """Return which pixels have their centre within the ellipse, bool `(rows, columns)`."""
        x, y = frame.positions()
        right, down = x - self.center[0], y - self.center[1]
        cosine, sine = self._turn
        along, across = cosine * right + sine * down, cosine * down - sine * right
        return (along / self.radii[0]) ** 2 + (across / self.radii[1]) ** 2 <= 1

    def border_lines(self, count: int, reach: float) -> tuple[Points, Points]:
        """Return the inner and the outer ends of lines across the border, at right angles to it.

        Parameters
        ----------
        count
            Number of lines, evenly spread over the ellipse's parameter.
        reach
            Length on either side of the border, in mm. On the inner side a line ends at the middle at the latest.

        Returns
        -------
        start, end
            Each `(count, 2)` in mm.
        """
        parameter = 2 * np.pi * np.arange(count) / count
        a, b = self.radii
        border = np.stack([a * np.cos(parameter), b * np.sin(parameter)], axis=1)
        normal = np.stack([b * np.cos(parameter), a * np.sin(parameter)], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        inside = min(reach, a, b)
        cosine, sine = self._turn
        turn = np.array([[cosine, sine], [-sine, cosine]])
        start, end = border - inside * normal, border + reach * normal
        return start @ turn + self.center, end @ turn + self.center

    @property
    def _turn(self) -> tuple[float, float]:
        return float(np.cos(np.radians(self.angle))), float(np.sin(np.radians(self.angle)))
