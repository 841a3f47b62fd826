"""Paints what lies before and below the brain: eyes in their sockets, and the air spaces of nose and mastoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.shapes import Point, ellipsoid, tube
from recon.simulation.phantom.fields import RandomField, sheet_distance

EYE: Point = (31, -69, -30)
APEX: Point = (13, -33, -27)
"""Point where the optic nerve and the muscles of the eye meet."""

EYE_MUSCLES: tuple[Point, ...] = ((43, -68, -30), (19, -68, -30), (31, -68, -18), (31, -68, -42))
"""Insertions of the straight muscles on the globe."""

AIR_SPACES: tuple[tuple[Point, Point], ...] = (
    ((0, -62, -38), (15, 30, 20)),
    ((0, -27, -33), (12, 10, 8)),
    ((28, -62, -60), (14, 16, 14)),
    ((58, 25, -42), (8, 13, 12)),
)
"""Centre and semi-axes of ethmoid and nose, sphenoid, maxillary sinus, mastoid."""


@dataclass(frozen=True, eq=False)
class Face:
    """One person's eyes and air spaces.

    Attributes
    ----------
    globe
        Radius of the eye in mm.
    cells
        Distance to the thin walls between air cells in mm.
    wall
        Half the thickness of those walls with their mucosa, in mm.
    """

    globe: float
    cells: RandomField
    wall: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Face:
        """Draw the face of one person."""
        return cls(globe=rng.uniform(11.3, 12.5), cells=sheet_distance(rng, 7.0), wall=rng.uniform(0.7, 1.8))

    def paint(self, canvas: Canvas) -> None:
        """Paint the air spaces, then the eyes."""
        points = canvas.mirrored
        walls = np.abs(self.cells(canvas.points)[0]) - self.wall
        for centre, semi_axes in AIR_SPACES:
            space = ellipsoid(points, centre, semi_axes)
            canvas.paint("bone", space + 2.0)
            canvas.paint("mucosa", space)
            canvas.paint("air", np.minimum(space - 1.0, walls))

        socket = tube(points, (EYE, APEX), (16.0, 4.0))
        canvas.paint("bone", socket + 2.0)
        canvas.paint("fat", socket)
        for insertion in EYE_MUSCLES:
            canvas.paint("muscle", tube(points, (insertion, APEX), (1.5, 2.2)))
        canvas.paint("csf", tube(points, (EYE, APEX), (2.8, 2.8)))
        canvas.paint("brainstem", tube(points, (EYE, APEX), (1.7, 1.7)))
        globe = ellipsoid(points, EYE, (self.globe, self.globe, self.globe))
        canvas.paint("dura", globe + 1.0)
        canvas.paint("vitreous", globe)
        canvas.paint("lens", ellipsoid(points, (EYE[0], EYE[1] - 8, EYE[2]), (4.5, 2.0, 4.5)))
