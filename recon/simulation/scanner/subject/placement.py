"""Places an object in the field of view: scaled, turned, mirrored, off centre."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

ASPECT_SPREAD = 0.08
"""Standard deviation of the logarithm of a pixel's aspect; pixels are nearly square."""


def draw_aspect(readout: int, phase: int, rng: np.random.Generator) -> float:
    """Draw the width of a field of view along phase divided by that along readout; pixels are nearly square."""
    return phase / readout * float(np.exp(rng.normal(0, ASPECT_SPREAD)))


@dataclass(frozen=True)
class ObjectPlacement:
    """Position of an object in the field of view: a similarity of the plane.

    Attributes
    ----------
    angle
        Angle by which the object is turned, in radians.
    mirrored
        Whether the object is mirrored.
    scale
        Size of the object relative to the one that just fits into the field of view.
    shift
        Displacement of the centre of the object `(readout, phase)`, in fields of view.
    """

    angle: float
    mirrored: bool
    scale: float
    shift: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ObjectPlacement:
        """Draw a quarter turn and a few degrees, a scale around 1, and a small displacement."""
        angle = math.pi / 2 * int(rng.integers(4)) + math.radians(rng.normal(0, 10))
        down, across = rng.normal(0, 0.04, 2).tolist()
        return cls(angle, bool(rng.integers(2)), rng.uniform(0.75, 1.25), (down, across))

    def render(self, image: Tensor, shape: tuple[int, int], aspect: float) -> Tensor:
        """Sample an image on the pixels of the field of view.

        Parameters
        ----------
        image
            real `(rows, columns)` with square pixels.
        shape
            Pixels `(readout, phase)` of the field of view.
        aspect
            Width of the field of view along phase divided by that along readout.

        Returns
        -------
        Tensor
            real `(readout, phase)`, interpolated linearly; zero beyond the image.
        """
        height, width = image.shape
        turned = abs(math.sin(self.angle)) > abs(math.cos(self.angle))
        down, across = (width, height) if turned else (height, width)
        # Field of view along readout in pixels of the image, such that the object just fits at scale 1.
        field = max(down, across / aspect) / self.scale
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        mirror = -1.0 if self.mirrored else 1.0
        rows, columns = (torch.linspace(-1, 1, size, device=image.device) for size in shape)
        y = (rows[:, None] - 2 * self.shift[0]) * field
        x = (columns[None, :] - 2 * self.shift[1]) * field * aspect * mirror
        grid = torch.stack([(cosine * x - sine * y) / width, (sine * x + cosine * y) / height], dim=-1)
        return grid_sample(image[None, None], grid[None], mode="bilinear", align_corners=True)[0, 0]
