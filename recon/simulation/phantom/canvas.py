"""The pixels of one slice while tissues are laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recon.simulation.phantom.contrast import TISSUES
from recon.simulation.phantom.fields import Array
from recon.simulation.phantom.shapes import coverage, mirrored


@dataclass(eq=False)
class Canvas:
    """Where the pixels lie in the head, and what they show so far.

    Attributes
    ----------
    points
        float32 `(3, n)`: mm from the middle of the brain; x to the side, y backwards, z upwards.
    pixel
        Its side in mm.
    signals
        Mean signal by tissue.
    texture
        float32 `(n,)` of variance 1: the grain of the tissues.
    image
        float32 `(n,)`: the signal.
    """

    points: Array
    pixel: float
    signals: Mapping[str, float]
    texture: Array
    image: Array

    @property
    def mirrored(self) -> Array:
        """The points with the left half of the head folded onto the right."""
        return mirrored(self.points)

    def paint(self, tissue: str, depth: Array, edge: float = 0.0, opacity: float = 1.0) -> None:
        """Lay a body over what is there.

        Parameters
        ----------
        tissue
            What it is made of.
        depth
            float32 `(n,)`: mm below its surface, positive inside.
        edge
            Width of its border in mm where it is softer than a pixel.
        opacity
            Share of the body in its own pixels.
        """
        share = opacity * coverage(depth, max(edge, self.pixel))
        grain = 1 + TISSUES[tissue].texture * self.texture
        self.image += share * (self.signals[tissue] * grain - self.image)
