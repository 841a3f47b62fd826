"""How an object lies in the field of view: scaled, turned, mirrored, off centre."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample


@dataclass(frozen=True)
class View:
    """A similarity of the plane.

    Attributes
    ----------
    angle
        By which the object is turned, in radians.
    mirrored
        Whether it is mirrored.
    scale
        1 if it just fits into the field of view; more for what exceeds it.
    shift
        Of its centre `(readout, phase)`, in fields of view.
    """

    angle: float
    mirrored: bool
    scale: float
    shift: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> View:
        """Draw a view: any quarter turn and a few degrees, mostly about in the centre and fitting."""
        angle = math.pi / 2 * int(rng.integers(4)) + math.radians(rng.normal(0, 10))
        down, across = rng.normal(0, 0.04, 2).tolist()
        return cls(angle, bool(rng.integers(2)), rng.uniform(0.75, 1.25), (down, across))

    def render(self, image: Tensor, shape: tuple[int, int], aspect: float) -> Tensor:
        """See an image through a field of view.

        Parameters
        ----------
        image
            real `(rows, columns)` with square pixels.
        shape
            Pixels `(readout, phase)` of the view.
        aspect
            Width of the field of view along phase over that along readout.

        Returns
        -------
        Tensor
            real `shape`, interpolated linearly; zero beyond the image.
        """
        height, width = image.shape
        turned = abs(math.sin(self.angle)) > abs(math.cos(self.angle))
        down, across = (width, height) if turned else (height, width)
        # The readout's field of view, in pixels of the image, such that the object just fits at scale 1.
        field = max(down, across / aspect) / self.scale
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        mirror = -1.0 if self.mirrored else 1.0
        rows, columns = (torch.linspace(-1, 1, size, device=image.device) for size in shape)
        y = (rows[:, None] - 2 * self.shift[0]) * field
        x = (columns[None, :] - 2 * self.shift[1]) * field * aspect * mirror
        grid = torch.stack([(cosine * x - sine * y) / width, (sine * x + cosine * y) / height], dim=-1)
        return grid_sample(image[None, None], grid[None], mode="bilinear", align_corners=True)[0, 0]
