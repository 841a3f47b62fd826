"""Paints blood vessels: the large arteries of the base, venous sinuses, and fine vessels where two sheets cross."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.hull import cranial_cavity
from recon.simulation.phantom.anatomy.shapes import Point, tube
from recon.simulation.phantom.fields import Array, RandomField, sheet_distance

ARTERIES: tuple[tuple[tuple[Point, ...], tuple[float, ...]], ...] = (
    (((0, -14, -38), (0, -10, -16)), (1.7, 1.5)),
    (((0, -10, -16), (14, -2, -14), (21, 14, -10)), (1.3, 1.1, 0.8)),
    (((10, -14, -34), (11, -16, -14)), (2.2, 2.0)),
    (((11, -16, -14), (28, -14, -10), (40, -6, -2), (42, 12, 6)), (1.6, 1.4, 1.1, 0.9)),
    (((11, -16, -14), (2, -22, -10), (2, -44, 8), (2, -32, 30), (2, 0, 36)), (1.3, 1.2, 1.0, 0.9, 0.8)),
)
"""Course and radii of the basilar, posterior cerebral, carotid, middle cerebral, anterior cerebral artery."""

TRANSVERSE_SINUS: tuple[Point, ...] = ((0, 80, -10), (46, 54, -20), (54, 26, -30))


@dataclass(frozen=True, eq=False)
class Vessels:
    """One person's vessels.

    Attributes
    ----------
    sheets
        Distance to winding sheets in mm; a fine vessel runs where two of them cross.
    calibre
        Radius of the fine vessels in mm.
    """

    sheets: RandomField
    calibre: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Vessels:
        """Draw the vessels of one person."""
        return cls(sheets=sheet_distance(rng, 14.0), calibre=rng.uniform(0.35, 0.6))

    def paint(self, canvas: Canvas, white: Array) -> None:
        """Paint fine vessels, arteries and sinuses.

        Parameters
        ----------
        canvas
            Slice to paint on.
        white
            `(n,)`: depth in mm below the surface of the white matter, where only the fluid around a vessel shows.
        """
        points, mirrored = canvas.points, canvas.mirrored
        cavity = cranial_cavity(points)
        crossing = np.hypot(self.sheets(points)[0], self.sheets(points[::-1])[0])
        vessel = np.minimum(self.calibre - crossing, cavity)
        canvas.paint("artery", np.minimum(vessel, -white), opacity=0.7)
        canvas.paint("csf", np.minimum(vessel, white), opacity=0.3)
        for nodes, radii in ARTERIES:
            canvas.paint("artery", tube(mirrored, nodes, radii))
        sagittal = 2 + 2 * np.clip(points[1] / 80, 0, 1) - np.hypot(points[0], cavity - 1.5)
        canvas.paint("vein", np.minimum(sagittal, points[2] + 15))
        canvas.paint("vein", tube(mirrored, TRANSVERSE_SINUS, (4.0, 3.5, 4.0)))
