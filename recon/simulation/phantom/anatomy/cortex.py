"""The folded surface of the cerebrum: depth below the pia, sulci and fissures included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.simulation.phantom.anatomy.shapes import beyond, ellipsoid, mirrored, smooth_minimum
from recon.simulation.phantom.fields import Array, RandomField, sheet_distance

LOBE_RADIUS = 30.0
"""Distance in mm from the middle of a lobe's white matter to its surface."""


@dataclass(frozen=True, eq=False)
class Cortex:
    """The folds of one person's brain, in mm, in the coordinates of the head (right, back, up).

    Attributes
    ----------
    sulci
        Distance to the winding sheets along which the surface folds inwards.
    thickness
        Thickness of the grey matter.
    widening
        Half the width of a sulcus at its mouth, which grows with age.
    """

    sulci: RandomField
    thickness: float
    widening: float

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Cortex:
        """Draw the folds of one person; `age` runs from 0, young, to 1, old."""
        return cls(
            sulci=sheet_distance(rng, spacing=rng.uniform(8.0, 9.5)),
            thickness=rng.uniform(2.3, 2.9),
            widening=0.2 + age + rng.uniform(0, 0.3),
        )

    def depth_below_pia(self, points: Array, hull_depth: Array, waviness: Array, openness: Array) -> Array:
        """Compute the depth below the folded surface: negative in CSF, up to `thickness` in grey matter.

        Parameters
        ----------
        points
            `(3, n)` in mm.
        hull_depth
            `(n,)`: depth below a film stretched over the gyri.
        waviness
            `(n,)`, of variance 1: bend of the fissures.
        openness
            `(n,)`, of variance 1: depth and width of the sulci.
        """
        fissure = interhemispheric_fissure(points, waviness)
        surface = np.minimum(hull_depth, fissure)
        mouth = np.clip(1 - surface / 10, 0, 1) ** 2
        half_width = 0.25 + self.widening * mouth * np.exp(0.4 * openness)
        deepest = 18 + 6 * openness
        sulcus = np.hypot(self._distance_to_sulci(points), np.maximum(surface - deepest, 0)) - half_width
        sulcus = np.maximum(sulcus, core(points))
        lateral = sylvian_fissure(points, waviness) - 0.7 * self.widening
        return smooth_minimum(smooth_minimum(surface, sulcus, 3.0), lateral, 2.0)

    def _distance_to_sulci(self, points: Array) -> Array:
        """Compute the distance to the sulci, each perpendicular to the surface.

        Both hemispheres use the same folds, shifted against each other, so that they are similar but not equal.
        """
        side, one_sided = np.sign(points[0]), mirrored(points)
        _, y, z = one_sided
        cerebral = np.stack([np.full_like(y, 26), y.clip(-45, 45), z.clip(0, 36)])
        temporal = np.stack([np.full_like(y, 38), y.clip(-30, 20), np.full_like(y, -24)])
        to_cerebral = np.linalg.norm(one_sided - cerebral, axis=0)
        to_temporal = np.linalg.norm(one_sided - temporal, axis=0)
        middle = np.where(to_cerebral < to_temporal, cerebral, temporal)
        push = np.sqrt(LOBE_RADIUS / (np.minimum(to_cerebral, to_temporal) + 2))
        above = middle + (one_sided - middle) * push
        return self.sulci(above + 5 * side)[0] / push


def interhemispheric_fissure(points: Array, waviness: Array) -> Array:
    """Compute the distance to the cleft between the hemispheres, which ends at the corpus callosum."""
    across = points[0] + 0.8 * waviness
    return np.hypot(across, 2 * np.maximum(bridge(points), 0)) - 0.9


def sylvian_fissure(points: Array, waviness: Array) -> Array:
    """Compute the distance to the cleft above the temporal lobe, including its inner end over the insula."""
    lateral, back, up = np.abs(points[0]), points[1] + 2, points[2]
    above = up - 3 - 0.3 * back - waviness
    cleft = np.sqrt(above**2 + np.maximum(40 - lateral, 0) ** 2 + beyond(back, 30) ** 2)
    insular = np.sqrt((lateral - 40 - waviness) ** 2 + beyond(above, 11) ** 2 + beyond(back, 20) ** 2)
    return np.minimum(cleft, insular)


def bridge(points: Array) -> Array:
    """Compute the depth in the region that joins the hemispheres: the corpus callosum and everything below it."""
    return ellipsoid(points, (0, -6, 8), (60, 37, 20))


def core(points: Array) -> Array:
    """Compute the depth in the middle of the brain, which no sulcus reaches."""
    return ellipsoid(points, (0, -3, 5), (31, 42, 22))
