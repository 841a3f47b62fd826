"""Paints what lies below the cerebrum: brainstem, cerebellum with its folia, cisterns, petrous bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.shapes import Point, ellipsoid, tube
from recon.simulation.phantom.fields import RandomField, smooth_field

CISTERNS: tuple[tuple[Point, Point], ...] = (
    ((0, -8, -20), (13, 13, 9)),
    ((0, 9, -13), (18, 15, 11)),
    ((0, -4, -32), (18, 16, 17)),
    ((0, 24, -4), (9, 6, 6)),
)
"""Centre and semi-axes of the cisterns: suprasellar, ambient, prepontine, quadrigeminal."""

BRAINSTEM: tuple[tuple[Point, Point], ...] = (
    ((0, 9, -8), (12, 10, 12)),
    ((8, 1, -9), (6, 8, 11)),
    ((5, 17, -9), (6, 5, 7)),
    ((0, 2, -29), (15, 13, 13)),
)
"""Centre and semi-axes of midbrain, cerebral peduncles, colliculi, and pons."""

MEDULLA: tuple[Point, ...] = ((0, 8, -38), (0, 16, -75))
PEDUNCLE: tuple[Point, ...] = ((9, 4, -31), (19, 30, -37))
PETROUS: tuple[Point, ...] = ((54, 20, -36), (14, -4, -33))


@dataclass(frozen=True, eq=False)
class Hindbrain:
    """One person's brainstem and cerebellum.

    Attributes
    ----------
    folium
        Distance in mm between neighbouring fissures of the cerebellum.
    gap
        Width of the fluid around the cerebellum in mm.
    warp
        Random field of five channels: bend of the folia, border of their white matter, and three of the displacement
        of everything else.
    """

    folium: float
    gap: float
    warp: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Hindbrain:
        """Draw one person's hindbrain; `age` runs from 0, young, to 1, old."""
        return cls(
            folium=rng.uniform(3.4, 4.6),
            gap=1.0 + age + rng.uniform(0, 0.8),
            warp=smooth_field(rng, 8.0, channels=5),
        )

    def paint(self, canvas: Canvas) -> None:
        """Paint the cisterns, the cerebellum, the brainstem and the petrous bone."""
        points = canvas.mirrored + 1.2 * self.warp(canvas.points)[2:]
        for centre, semi_axes in CISTERNS:
            canvas.paint("csf", ellipsoid(points, centre, semi_axes))
        self._paint_cerebellum(canvas)
        canvas.paint("white matter", tube(points, PEDUNCLE, (6.0, 5.0)))
        for centre, semi_axes in BRAINSTEM:
            canvas.paint("brainstem", ellipsoid(points, centre, semi_axes))
        canvas.paint("csf", tube(points, MEDULLA, (10.0, 9.0)))
        canvas.paint("brainstem", tube(points, MEDULLA, (7.5, 6.0)))
        canvas.paint("csf", ellipsoid(points, (0, 17, -31), (6, 4, 9)))
        canvas.paint("csf", tube(points, ((0, 16, -4), (0, 15, -22)), (1.0, 1.2)))
        petrous = tube(points, PETROUS, (9.0, 4.0))
        canvas.paint("bone", petrous)
        canvas.paint("csf", ellipsoid(points, (27, 7, -34), (5, 2, 2)))

    def _paint_cerebellum(self, canvas: Canvas) -> None:
        """Paint leaves of grey matter over white matter, stacked around the fourth ventricle."""
        points = canvas.mirrored
        bend, border = self.warp(canvas.points)[:2]
        fossa = ellipsoid(points, (0, 40, -36), (52, 40, 30))
        lobe = np.maximum(
            ellipsoid(points, (23, 44, -36), (30, 33, 24)), ellipsoid(points, (0, 46, -33), (13, 29, 22))
        )
        lobe = np.minimum(lobe, fossa - self.gap)
        from_ventricle = np.sqrt(points[0] ** 2 + (points[1] - 12) ** 2 + (1.3 * (points[2] + 33)) ** 2)
        turn = (from_ventricle + 3.0 * bend) / self.folium
        closing = np.clip(0.4 - 0.05 * lobe, 0, 0.4)
        fissure = self.folium * np.abs(turn - np.round(turn)) - closing
        core = ellipsoid(points, (18, 36, -36), (17, 13, 10)) + 1.5 * border
        leaf = np.maximum(np.minimum(lobe, fissure), core)
        canvas.paint("csf", lobe + self.gap)
        canvas.paint("grey matter", leaf)
        canvas.paint("white matter", leaf - 1.1)
