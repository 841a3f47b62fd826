"""Paints the cerebrum: folded cortex over white matter, the deep nuclei, and the ventricles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.cortex import Cortex, bridge
from recon.simulation.phantom.anatomy.hull import cerebral_hull
from recon.simulation.phantom.anatomy.shapes import Point, column, ellipsoid, tube, turned
from recon.simulation.phantom.fields import Array, RandomField, smooth_field

NUCLEI: tuple[tuple[str, Point, Point, float], ...] = (
    ("striatum", (25, -7, 3), (5.5, 17, 11), 12),
    ("pallidum", (19.5, -4, 1), (4, 10, 7), 16),
    ("thalamus", (11, 9, 8), (8, 14, 9), 22),
)
"""Tissue, centre, semi-axes, and angle in degrees by which the front is turned towards the midline."""

CAUDATE: tuple[Point, ...] = ((14, -27, 3), (16, -17, 11), (17, 2, 21), (22, 19, 18))
CAUDATE_RADII = (6.0, 5.5, 3.5, 2.0)

VENTRICLE: tuple[tuple[tuple[Point, ...], tuple[float, ...]], ...] = (
    (((13, -37, 4), (11, -32, 13), (5, -13, 13), (9, 2, 21), (15, 18, 18)), (2.5, 4.0, 3.5, 4.5, 5.0)),
    (((15, 18, 18), (23, 30, 8), (26, 44, 2)), (5.0, 6.0, 3.0)),
    (((12, -34, 2), (5, -13, 6)), (3.0, 3.0)),
    (((23, 30, 8), (33, 18, -12), (32, 0, -20)), (5.0, 3.0, 2.0)),
)
"""Course and radii of frontal horn and body, atrium and occipital horn, floor of the frontal horn, temporal horn."""


@dataclass(frozen=True, eq=False)
class Cerebrum:
    """One person's cerebrum.

    Attributes
    ----------
    cortex
        Folds of the cortex.
    shrinkage
        Mean width in mm of the fluid between the inner table and the gyri.
    ventricles
        Excess of the radii of the ventricles in mm over those of a young adult.
    variation
        Random field of six channels: bend of the fissures, opening of the sulci, thickness of the cortex, and three
        of the displacement of the folds.
    course
        Random field of three channels: displacement of the deep structures.
    """

    cortex: Cortex
    shrinkage: float
    ventricles: float
    variation: RandomField
    course: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Cerebrum:
        """Draw one person's cerebrum; `age` runs from 0, young, to 1, old."""
        return cls(
            cortex=Cortex.draw(rng, age),
            shrinkage=1.2 + 1.6 * age + rng.uniform(0, 0.8),
            ventricles=-0.8 + 2.5 * age + rng.uniform(-0.5, 0.8),
            variation=smooth_field(rng, 12.0, channels=6),
            course=smooth_field(rng, 9.0, channels=3),
        )

    def paint(self, canvas: Canvas) -> Array:
        """Paint the cerebrum; returns the depth `(n,)` in mm below the surface of its white matter."""
        waviness, openness, ribbon, *shift = self.variation(canvas.points)
        hull = cerebral_hull(canvas.points) - self.shrinkage - 0.4 * openness
        folded = canvas.points + 3.5 * np.stack(shift)
        depth = self.cortex.depth_below_pia(folded, hull, waviness, openness)
        white = depth - self.cortex.thickness * (1 + 0.1 * ribbon)
        canvas.paint("grey matter", depth)
        canvas.paint("white matter", white)
        self._paint_falx(canvas, hull, waviness)

        points = canvas.mirrored + 1.0 * self.course(canvas.points)
        for tissue, centre, semi_axes, degrees in NUCLEI:
            canvas.paint(tissue, ellipsoid(turned(points - column(centre), degrees), (0, 0, 0), semi_axes))
        canvas.paint("striatum", tube(points, CAUDATE, CAUDATE_RADII))
        for nodes, radii in VENTRICLE:
            canvas.paint("csf", tube(points, nodes, [radius + self.ventricles for radius in radii]))
        canvas.paint("choroid", ellipsoid(points, (23, 30, 8), (2.5, 4, 3)))
        third = (1.8 + 0.6 * max(self.ventricles, 0), 14, 11)
        canvas.paint("csf", ellipsoid(points, (0, 2, 2), third))
        return white

    def _paint_falx(self, canvas: Canvas, hull: Array, waviness: Array) -> None:
        """Paint the membrane that hangs between the hemispheres."""
        x, _, z = canvas.points
        sheet = 0.45 - np.abs(x + 0.8 * waviness)
        inside = np.minimum.reduce([-bridge(canvas.points) - 5, z + 12, 30 - hull, hull + self.shrinkage])
        canvas.paint("dura", np.minimum(sheet, inside), opacity=0.8)
