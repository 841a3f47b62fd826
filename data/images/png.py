"""Writes images as PNG: one file per image, or the three middle planes of a volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recon.data.images.placement import Stack, upright
from recon.data.images.planes import planes
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
        with atomic_path(path) as temporary:
            _grey(shown, white).save(temporary, format="png")


def write_planes(path: Path, stack: Stack) -> None:
    """Write the three middle planes of a volume side by side, on pixels of equal size, upright if oriented.

    Parameters
    ----------
    path
        Path of the file.
    stack
        Images of a volume, at equal distances from each other.
    """
    magnitudes = np.abs(stack.images)
    white = float(np.percentile(magnitudes, WHITE)) or 1.0
    pictures = []
    for plane in planes(stack):
        middle = plane.cut(magnitudes, magnitudes.shape[plane.axis] // 2)
        rows, columns = plane.square(middle)
        pictures.append(_grey(middle, white).resize((columns, rows), Image.Resampling.BICUBIC))
    sheet = Image.new("L", (sum(one.width for one in pictures), max(one.height for one in pictures)))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, (sheet.height - picture.height) // 2))
        left += picture.width
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="png")


def _grey(image: NDArray[np.floating], white: float) -> Image.Image:
    return Image.fromarray(np.round(255 * np.clip(image / white, 0, 1)).astype(np.uint8))
