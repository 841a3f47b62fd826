"""The pixels of one slice, on which tissues are painted over each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recon.simulation.phantom.anatomy.shapes import coverage, mirrored
from recon.simulation.phantom.contrast import TISSUES
from recon.simulation.phantom.fields import Array


@dataclass(eq=False)
class Canvas:
    """Pixels of a slice: their positions in the head, and the signal painted so far.

    Attributes
    ----------
    points
        float32 `(3, n)`: positions in mm from the middle of the brain; x to the side, y backwards, z upwards.
    pixel
        Side of a pixel in mm.
    signals
        Mean signal of each tissue.
    texture
        float32 `(n,)` of variance 1: pattern of the signal variation within tissues.
    image
        float32 `(n,)`: signal so far.
    """

    points: Array
    pixel: float
    signals: Mapping[str, float]
    texture: Array
    image: Array

    @property
    def mirrored(self) -> Array:
        """Points `(3, n)` with the left half of the head folded onto the right."""
        return mirrored(self.points)

    def paint(self, tissue: str, depth: Array, edge: float = 0.0, opacity: float = 1.0) -> None:
        """Paint a body over the present image.

        Parameters
        ----------
        tissue
            Name of its tissue.
        depth
            float32 `(n,)`: depth in mm below its surface, positive inside.
        edge
            Width of its border in mm, if wider than a pixel.
        opacity
            Fraction of the signal inside that the body contributes; the rest shows what lies beneath.
        """
        share = opacity * coverage(depth, max(edge, self.pixel))
        grain = 1 + TISSUES[tissue].texture * self.texture
        self.image += share * (self.signals[tissue] * grain - self.image)
