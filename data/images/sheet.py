"""Shows all images of a scan in one picture: a mosaic, or the three middle planes of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from recon.data.images.placement import Stack, upright
from recon.data.images.planes import planes
from recon.data.images.png import grey, white_of
from recon.data.series import Series, series_of
from recon.data.storage.atomic import atomic_path

FRAMES = 8
"""Number of frames that are shown of each of several series, or more if there are more series than that."""

GAP = 2
"""Number of black pixels between two images."""

LONGEST = 4096
"""Largest number of pixels along a side; a larger picture is made smaller."""

Picture = Image.Image


def write_sheet(path: Path, stack: Stack) -> str:
    """Write a scan as one PNG on a common grey scale, upright if oriented, on pixels of equal size in mm.

    A 3-D scan is shown by its three middle planes, of the first frame if there are several. Other images lie in a
    mosaic, in the order of the file; of several series each has a row, with frames at equal distances.

    Parameters
    ----------
    path
        Path of the file.
    stack
        Images to show.

    Returns
    -------
    str
        What the picture shows.
    """
    sheet, words = _planes(stack) if stack.volumetric else _mosaic(stack)
    longest = max(sheet.size)
    if longest > LONGEST:
        width, height = (max(1, round(size * LONGEST / longest)) for size in sheet.size)
        sheet = sheet.resize((width, height), Image.Resampling.BICUBIC)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="png")
    return words


def _planes(stack: Stack) -> tuple[Picture, str]:
    volume, words = stack, "the three middle planes"
    if stack.frames is not None and len(set(stack.frames)) > 1:  # one frame and echo is a volume
        first = [index for index, frame in enumerate(stack.frames) if frame == stack.frames[0]]
        volume, words = _select(stack, first), f"{words} of the first frame"
    magnitudes = np.abs(volume.images)
    white = white_of(magnitudes)
    pictures = []
    for plane in planes(volume):
        middle = plane.cut(magnitudes, magnitudes.shape[plane.axis] // 2)
        pictures.append(_resized(grey(middle, white), plane.square(middle)))
    return _laid_out([pictures], gap=0), words


def _select(stack: Stack, indices: Sequence[int]) -> Stack:
    return replace(
        stack, images=stack.images[list(indices)], placements=tuple(stack.placements[index] for index in indices)
    )


def _mosaic(stack: Stack) -> tuple[Picture, str]:
    count = len(stack.images)
    series = () if stack.frames is None else series_of(stack.frames)
    frames = max(map(len, series), default=1)
    if frames > 1 and len(series) > 1:
        shown = min(frames, max(FRAMES, len(series)))
        total = "" if shown == frames else f" of {frames}"
        words = f"{len(series)} series from top to bottom, {shown}{total} frames from left to right"
        return _laid_out(_pictures(stack, [_spread(one, shown) for one in series])), f"a mosaic of {words}"
    (pictures,) = _pictures(stack, [series[0] if frames > 1 else range(count)])
    width, height = _largest(pictures)
    columns = min(
        range(1, count + 1), key=lambda across: (max(across * width, -(-count // across) * height), -across)
    )
    rows = [pictures[start : start + columns] for start in range(0, count, columns)]
    kind = "slices" if stack.frames is None else "frames" if frames > 1 else "images"
    return _laid_out(rows), f"a mosaic of {count} {kind}, {columns} in a row"


def _spread(series: Series, most: int) -> Series:
    """Return at most so many images of a series, at equal distances from the first on."""
    count = min(len(series), most)
    return tuple(series[number * len(series) // count] for number in range(count))


def _pictures(stack: Stack, rows: Sequence[Sequence[int]]) -> list[list[Picture]]:
    """Draw rows of images upright, each image on pixels of the finest spacing in the stack."""
    white = white_of(np.abs(stack.images))
    finest = min(min(placement.spacing) for placement in stack.placements)

    def picture(index: int) -> Picture:
        image, placement = np.abs(stack.images[index]), stack.placements[index]
        if stack.oriented:
            image, placement = upright(image, placement)
        return _resized(grey(image, white), placement.square(image.shape, finest))

    return [[picture(index) for index in row] for row in rows]


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Interpolate a picture to a number of rows and columns; one of this size stays as it is."""
    rows, columns = size
    return picture if picture.size == (columns, rows) else picture.resize((columns, rows), Image.Resampling.BICUBIC)


def _largest(pictures: Sequence[Picture]) -> tuple[int, int]:
    return max(one.width for one in pictures), max(one.height for one in pictures)


def _laid_out(rows: Sequence[Sequence[Picture]], gap: int = GAP) -> Picture:
    """Lay pictures into rows, each in the middle of a field as wide as its column and as high as its row."""
    columns = max(map(len, rows))
    widths = [max(row[number].width for row in rows if number < len(row)) for number in range(columns)]
    heights = [_largest(row)[1] for row in rows]
    sheet = Image.new("L", (sum(widths) + gap * (columns - 1), sum(heights) + gap * (len(rows) - 1)))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture, width in zip(row, widths, strict=False):
            sheet.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
            left += width + gap
        top += height + gap
    return sheet
