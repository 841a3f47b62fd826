"""The large outlines inside the head: the hull of the cerebrum and the cranial cavity."""

from __future__ import annotations

import numpy as np

from recon.simulation.phantom.anatomy.shapes import ellipsoid
from recon.simulation.phantom.fields import Array

WIDEST = 5.0
"""Height in mm of the largest section of the cerebrum."""

FLATTENING = 2.1
"""Ratio of the height of the cerebrum above that section to its height below it."""


def cerebral_hull(points: Array) -> Array:
    """Compute the depth below a film over the cerebrum: wider behind, flat below, with two temporal lobes."""
    x, y, z = points
    egg = np.stack(
        [
            x / (1 + 0.07 * np.tanh(y / 50)),
            y,
            np.where(z > WIDEST, z, WIDEST + FLATTENING * (z - WIDEST)),
        ]
    )
    upper = ellipsoid(egg, (0, 0, WIDEST), (68, 84, 66))
    temporal = ellipsoid(np.stack([np.abs(x), y, z]), (38, -14, -24), (25, 38, 22))
    return np.maximum(upper, temporal)


def cranial_cavity(points: Array) -> Array:
    """Compute the depth below the inner table of the skull, around the cerebral hull and the posterior fossa."""
    return np.maximum(cerebral_hull(points), ellipsoid(points, (0, 40, -36), (52, 40, 30)))
