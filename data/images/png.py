"""Writes images as PNG, one file per image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
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
    white = white_of(magnitudes)
    for path, magnitude, placement in zip(paths, magnitudes, stack.placements, strict=True):
        shown = upright(magnitude, placement)[0] if stack.oriented else magnitude
        with atomic_path(path) as temporary:
            grey(shown, white).save(temporary, format="png")


def white_of(magnitudes: NDArray[np.floating]) -> float:
    """Return the magnitude that is shown as white."""
    return float(np.percentile(magnitudes, WHITE)) or 1.0


def grey(image: NDArray[np.floating], white: float) -> Image.Image:
    """Return the picture of a magnitude `(rows, columns)`."""
    return Image.fromarray(np.round(255 * np.clip(image / white, 0, 1)).astype(np.uint8))


def clean(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Replace NaN and infinity by zero, which is drawn black."""
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
