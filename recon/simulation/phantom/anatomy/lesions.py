"""Paints lesions: spots in the white matter that come with age, and in some heads a tumour with oedema."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.canvas import Canvas
from recon.simulation.phantom.anatomy.shapes import Point, ellipsoid
from recon.simulation.phantom.fields import Array, RandomField, smooth_field

TUMOUR_RATE = 0.2
"""Share of heads with a tumour."""


@dataclass(frozen=True, eq=False)
class Lesions:
    """One person's lesions.

    Attributes
    ----------
    spots
        Centre and semi-axes of each spot of gliosis, in mm.
    tumour
        Centre and radius of the tumour in mm; None in most heads.
    roughness
        Random field that makes borders uneven.
    """

    spots: tuple[tuple[Point, Point], ...]
    tumour: tuple[Point, float] | None
    roughness: RandomField

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Lesions:
        """Draw the lesions of one person; `age` runs from 0, young, to 1, old."""
        low, high = (-36, -45, 0), (36, 50, 40)
        spots = tuple(
            (_point(rng.uniform(low, high)), _point(rng.uniform(1.0, 2.0 + 3 * age, 3)))
            for _ in range(rng.poisson(25 * age**2))
        )
        centre, radius = _point(rng.uniform(low, high)), rng.uniform(7, 18)
        return cls(
            spots=spots,
            tumour=(centre, radius) if rng.random() < TUMOUR_RATE else None,
            roughness=smooth_field(rng, 5.0),
        )

    def paint(self, canvas: Canvas, white: Array) -> None:
        """Paint the lesions; gliosis and oedema stay within the white matter.

        Parameters
        ----------
        canvas
            Slice to paint on.
        white
            `(n,)`: depth in mm below the surface of the white matter.
        """
        roughness = self.roughness(canvas.points)[0]
        for centre, semi_axes in self.spots:
            spot = ellipsoid(canvas.points, centre, semi_axes) + 0.4 * roughness
            canvas.paint("gliosis", np.minimum(spot, white), edge=1.5, opacity=0.8)
        if self.tumour is not None:
            centre, radius = self.tumour
            mass = ellipsoid(canvas.points, centre, (radius, radius, radius)) + 0.12 * radius * roughness
            canvas.paint("oedema", np.minimum(mass + 0.7 * radius, white), edge=4.0, opacity=0.9)
            canvas.paint("tumour", mass)
            canvas.paint("necrosis", mass - 0.35 * radius + roughness, edge=1.5)


def _point(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Point:
    x, y, z = values.tolist()
    return x, y, z
