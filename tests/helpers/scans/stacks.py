"""Makes stacks of oblique slices."""

from typing import Any

import numpy as np

from recon.data.acquisition import Geometry, Header
from recon.data.images.placement import Placement, Stack, stack


def oblique_geometry(slices: int, seed: int = 0, gap: float = 5.0) -> tuple[Geometry, ...]:
    """Make randomly oriented parallel slices of 4 mm thickness, `gap` mm apart."""
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    position = np.array([10.0, -20.0, 30.0])
    read, phase, normal = (tuple(map(float, axis)) for axis in axes)
    return tuple(
        Geometry(tuple(map(float, position + gap * index * axes[2])), read, phase, normal, (240.0, 180.0, 4.0))
        for index in range(slices)
    )


def oblique_stack(slices: int = 3, seed: int = 0, scale: float = 1.0, **header: Any) -> Stack:
    """Make images of 48 rows and 40 columns whose pixels all have different values."""
    values = np.random.default_rng(seed).permutation(slices * 48 * 40).reshape(slices, 48, 40)
    images = (scale * (1 + values)).astype(np.float32)
    given = {"geometry": oblique_geometry(slices, seed), "field_strength": 1.5} | header
    return stack(images, Header(crop=(48, 40), padding=(0, 40), **given), (96, 40), description="sense")


def where(placement: Placement, row: int, column: int) -> np.ndarray[Any, Any]:
    """Return the position of a pixel in the patient, in mm."""
    return placement.corner + row * placement.down + column * placement.across
