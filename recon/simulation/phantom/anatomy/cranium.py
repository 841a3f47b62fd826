"""Paints the layers around the brain: skin, fat, muscle, the skull with its marrow, dura and fluid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.hull import cranial_cavity
from recon.simulation.phantom.anatomy.shapes import Point, column, ellipsoid, smooth_minimum
from recon.simulation.phantom.fields import RandomField, sheet_distance, smooth_field

BELOW: tuple[tuple[Point, Point], ...] = (
    ((0, -30, -42), (66, 63, 60)),
    ((0, -90, -50), (13, 18, 22)),
    ((0, 6, -26), (75, 88, 42)),
    ((0, 22, -66), (62, 66, 70)),
)
"""Centre and semi-axes of face, nose, base of the skull with the tissue over it, neck."""

SKIN = 1.8
"""Thickness of the skin in mm."""


@dataclass(frozen=True, eq=False)
class Cranium:
    """The layers over one person's brain.

    Attributes
    ----------
    scalp, skull
        Mean thickness of the two layers in mm.
    variation
        Random field of two channels: variation of the two thicknesses over the head.
    lobules
        Distance to the septa between bundles of muscle in mm.
    """

    scalp: float
    skull: float
    variation: RandomField
    lobules: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Cranium:
        """Draw the layers of one person."""
        return cls(
            scalp=rng.uniform(4, 8),
            skull=rng.uniform(5, 8),
            variation=smooth_field(rng, 14.0, channels=2),
            lobules=sheet_distance(rng, 5.0),
        )

    def paint(self, canvas: Canvas) -> None:
        """Paint the layers from the skin to the fluid that fills the cranial cavity."""
        points = canvas.points
        more_scalp, more_skull = self.variation(points)
        behind = np.clip(points[1] / 80, 0, 1)
        scalp = self.scalp + 0.8 * more_scalp + 2 * behind
        skull = self.skull + 0.8 * more_skull
        cavity = cranial_cavity(points)
        below = [ellipsoid(points, centre, semi_axes) + 0.5 * more_scalp for centre, semi_axes in BELOW]
        surface = np.maximum.reduce([cavity + skull + scalp, *below])

        canvas.paint("skin", surface)
        canvas.paint("fat", surface - SKIN)
        bundles = self.lobules(points * column((1, 1, 0.4)))[0]
        canvas.paint("muscle", np.minimum(surface - 0.8 * scalp, bundles + 1.5))

        inner_table = cavity + 0.28 * skull
        canvas.paint("bone", cavity + skull)
        canvas.paint("marrow", smooth_minimum(inner_table + 0.4 * skull, -inner_table, 1.0))
        canvas.paint("dura", cavity + 0.6)
        canvas.paint("csf", cavity)
