"""The large outlines of the inside of the head: the cerebrum's hull and the cranial cavity."""

from __future__ import annotations

import numpy as np

from recon.simulation.phantom.fields import Array
from recon.simulation.phantom.shapes import ellipsoid

WIDEST = 5.0
"""Height in mm of the cerebrum's largest section."""

FLATTENING = 2.1
"""How much flatter the cerebrum is below that section than above it."""


def cerebral_hull(points: Array) -> Array:
    """Measure the depth below a film over the cerebrum: wider behind, flat below, with two temporal lobes."""
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
    """Measure the depth below the inner table of the skull: the cerebrum's hull and the posterior fossa."""
    return np.maximum(cerebral_hull(points), ellipsoid(points, (0, 40, -36), (52, 40, 30)))
