"""Writes images as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from recon.data.images.placement import Stack, upright
from recon.data.storage.atomic import atomic_path

WHITE = 99.9
"""Percentile of the stack's magnitudes that is shown as white."""


def write_png(paths: list[Path], stack: Stack) -> None:
    """Write magnitudes on a common grey scale, one file per image, upright if the orientation is known.

    Parameters
    ----------
    paths
        Path of the file of each image.
    stack
        Images to write.
    """
    magnitudes = np.abs(stack.images)
    white = float(np.percentile(magnitudes, WHITE)) or 1.0
    for path, magnitude, placement in zip(paths, magnitudes, stack.placements, strict=True):
        shown = upright(magnitude, placement)[0] if stack.oriented else magnitude
        grey = np.round(255 * np.clip(shown / white, 0, 1)).astype(np.uint8)
        with atomic_path(path) as temporary:
            Image.fromarray(grey).save(temporary, format="png")
