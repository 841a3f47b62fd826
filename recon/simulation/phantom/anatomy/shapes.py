"""Simple bodies, each given by the depth in mm of points `(3, n)` below its surface, positive inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recon.simulation.phantom.fields import Array

Point = tuple[float, float, float]


def coverage(depth: Array, pixel: float) -> Array:
    """Return the fraction of a pixel that a body fills, so that an edge is a ramp one pixel wide, not a staircase."""
    return np.clip(depth / np.float32(pixel) + np.float32(0.5), 0, 1)


def column(point: Sequence[float]) -> Array:
    """Return a point as a column `(3, 1)`, to be added to points `(3, n)`."""
    return np.array(point, np.float32)[:, None]


def mirrored(points: Array) -> Array:
    """Fold the left half of the head onto the right."""
    return np.stack([np.abs(points[0]), points[1], points[2]])


def turned(points: Array, degrees: float) -> Array:
    """Rotate points about the axis from feet to head; positive brings the front towards the midline."""
    cos, sin = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
    x, y, z = points
    return np.stack([cos * x - sin * y, sin * x + cos * y, z])


def ellipsoid(points: Array, centre: Point, semi_axes: Point) -> Array:
    """Compute the depth in an ellipsoid, exact to first order at its surface."""
    scaled = (points - column(centre)) / column(semi_axes)
    radius = np.sqrt((scaled**2).sum(0))
    slope = np.sqrt(((scaled / column(semi_axes)) ** 2).sum(0))
    return radius * (1 - radius) / np.maximum(slope, np.float32(1e-6))


def tube(points: Array, nodes: Sequence[Point], radii: Sequence[float]) -> Array:
    """Compute the depth in a tube of varying radius along a polyline."""
    depths = []
    for start, end, first, last in zip(nodes, nodes[1:], radii, radii[1:], strict=False):
        along = column(end) - column(start)
        offset = points - column(start)
        position = np.clip((offset * along).sum(0) / (along**2).sum(), 0, 1)
        distance = np.sqrt(((offset - position * along) ** 2).sum(0))
        depths.append(np.float32(first) + np.float32(last - first) * position - distance)
    return np.maximum.reduce(depths)


def beyond(distance: Array, extent: Array | float) -> Array:
    """Return the part of a distance that lies beyond an extent; zero within."""
    return np.maximum(np.abs(distance) - extent, 0)


def smooth_minimum(first: Array, second: Array, width: float) -> Array:
    """Return the minimum of two depths, with the crease between them rounded over `width` mm."""
    overlap = np.maximum(width - np.abs(first - second), 0)
    return np.minimum(first, second) - overlap**2 / (4 * np.float32(width))
