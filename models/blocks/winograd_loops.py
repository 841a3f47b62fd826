"""Transforms tiles for Winograd's convolution, and back with a soft shrinkage, in loops compiled by numba.

Tiles have 4x4 pixels, and 6x6 with their neighbours: `F(4x4, 3x3)` (Lavin & Gray 2016). An image `(rows, columns,
channels)` has a border of one pixel of zeros, and rows and columns beyond it that fill the last tiles. The number of
channels and of tiles in a block are constants, so that the distances between the arrays are, and loops vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit
from torch import Tensor

from recon.kernel_parts import floats, ticket
from recon.kernels import compiled, run

CHANNELS, BLOCK, PART = 48, 96, 12
"""Number of channels, number of tiles that are transformed before they are multiplied, and that of one ticket."""

LINE = 6 * CHANNELS
"""Number of values of the six pixels of a tile's row."""

PLANE = BLOCK * CHANNELS
"""Number of values of one of the 36 planes of a block."""

TWO, FOUR, FIVE, EIGHT = np.float32(2), np.float32(4), np.float32(5), np.float32(8)


def split(image: Tensor, first: int, across: int, count: int, tiles: Tensor) -> None:
    """Write `B^T d B` of some tiles to `(36, BLOCK, channels)`.

    Parameters
    ----------
    image
        float32 `(rows, columns, channels)`, with its border.
    first, count
        First tile and number of tiles, row by row.
    across
        Number of tiles in a row.
    tiles
        Where to write.
    """
    run(_split, -(-count // PART), image.shape[1], first, across, count, image, tiles)


def join(
    tiles: Tensor,
    first: int,
    across: int,
    count: int,
    thresholds: Tensor,
    levels: Tensor,
    size: tuple[int, int],
    image: Tensor,
) -> None:
    """Write `s(A^T m A, threshold level)` of some tiles to an image, soft shrinkage `s`.

    Parameters
    ----------
    tiles
        float32 `(36, BLOCK, channels)`.
    first, across, count
        As in `split`.
    thresholds, levels
        float32 `(channels,)`, and `size` or `(1, 1)`.
    size
        Rows and columns without the border; pixels beyond are not written.
    image
        Where to write, float32 `(rows, columns, channels)`, with its border.
    """
    mapped = int(levels.numel() > 1)
    run(
        _join,
        -(-count // PART),
        image.shape[1],
        first,
        across,
        count,
        image,
        tiles,
        thresholds,
        levels,
        *size,
        mapped,
    )


@njit(inline="always")
def _down(rows: Any, out: Any) -> None:
    """Apply `B^T` to six lines, `(LINE,)` each, and write the results one after the other."""
    r0, r1, r2, r3, r4, r5 = rows
    for one in range(LINE):
        d0, d1, d2, d3, d4, d5 = r0[one], r1[one], r2[one], r3[one], r4[one], r5[one]
        even, odd = d4 - FOUR * d2, d3 - FOUR * d1
        near, far = d4 - d2, TWO * (d3 - d1)
        out[one] = FOUR * d0 - FIVE * d2 + d4
        out[LINE + one] = even + odd
        out[2 * LINE + one] = even - odd
        out[3 * LINE + one] = near + far
        out[4 * LINE + one] = near - far
        out[5 * LINE + one] = FOUR * d1 - FIVE * d3 + d5


@njit(inline="always")
def _across(line: Any, out: Any) -> None:
    """Apply `B^T` to the six pixels of a line `(6 CHANNELS,)`, and write the results `PLANE` values apart."""
    for one in range(CHANNELS):
        d0, d1, d2 = line[one], line[CHANNELS + one], line[2 * CHANNELS + one]
        d3, d4, d5 = line[3 * CHANNELS + one], line[4 * CHANNELS + one], line[5 * CHANNELS + one]
        even, odd = d4 - FOUR * d2, d3 - FOUR * d1
        near, far = d4 - d2, TWO * (d3 - d1)
        out[one] = FOUR * d0 - FIVE * d2 + d4
        out[PLANE + one] = even + odd
        out[2 * PLANE + one] = even - odd
        out[3 * PLANE + one] = near + far
        out[4 * PLANE + one] = near - far
        out[5 * PLANE + one] = FOUR * d1 - FIVE * d3 + d5


@compiled
def _split(pointer: Any) -> None:
    """Transform the tiles of one ticket."""
    task = carray(pointer, 8)
    columns, first, across, count = task[2], task[3], task[4], task[5]
    width = columns * CHANNELS
    lines = np.empty(6 * LINE, np.float32)
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        for tile in range(index * PART, min((index + 1) * PART, count)):
            row, column = (first + tile) // across, (first + tile) % across
            corner = task[6] + 4 * (4 * row * width + 4 * column * CHANNELS)
            rows = (
                carray(floats(corner), LINE),
                carray(floats(corner + 4 * width), LINE),
                carray(floats(corner + 8 * width), LINE),
                carray(floats(corner + 12 * width), LINE),
                carray(floats(corner + 16 * width), LINE),
                carray(floats(corner + 20 * width), LINE),
            )
            _down(rows, lines)
            for line in range(6):
                out = carray(floats(task[7] + 4 * (6 * line * PLANE + tile * CHANNELS)), 6 * PLANE)
                _across(lines[line * LINE : (line + 1) * LINE], out)


@njit(inline="always")
def _back(values: Any, stride: int, out: Any, apart: int) -> None:
    """Apply `A^T` to six vectors of channels, and write the four results."""
    for one in range(CHANNELS):
        m0, m1, m2 = values[one], values[stride + one], values[2 * stride + one]
        m3, m4, m5 = values[3 * stride + one], values[4 * stride + one], values[5 * stride + one]
        near, far = m1 + m2, m3 + m4
        steep, steeper = m1 - m2, m3 - m4
        out[one] = m0 + near + far
        out[apart + one] = steep + TWO * steeper
        out[2 * apart + one] = near + FOUR * far
        out[3 * apart + one] = steep + EIGHT * steeper + m5


@njit(inline="always")
def _shrink(values: Any, thresholds: Any, level: Any, out: Any) -> None:
    for one in range(CHANNELS):
        limit = thresholds[one] * level
        out[one] = values[one] - min(max(values[one], -limit), limit)


@compiled
def _join(pointer: Any) -> None:
    """Transform the tiles of one ticket back, shrink them, and write the pixels inside."""
    task = carray(pointer, 13)
    columns, first, across, count = task[2], task[3], task[4], task[5]
    height, width, mapped = task[10], task[11], task[12]
    thresholds = carray(floats(task[8]), CHANNELS)
    levels = carray(floats(task[9]), height * width if mapped else 1)
    half, pixels = np.empty(24 * CHANNELS, np.float32), np.empty(4 * CHANNELS, np.float32)
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        for tile in range(index * PART, min((index + 1) * PART, count)):
            top, left = 4 * ((first + tile) // across), 4 * ((first + tile) % across)
            for column in range(6):
                values = carray(floats(task[7] + 4 * (column * PLANE + tile * CHANNELS)), 36 * PLANE)
                _back(values, 6 * PLANE, half[column * CHANNELS :], LINE)
            for row in range(min(4, height - top)):
                _back(half[row * LINE :], CHANNELS, pixels, CHANNELS)
                for column in range(min(4, width - left)):
                    level = levels[((top + row) * width + left + column) * mapped]
                    place = ((top + row + 1) * columns + left + column + 1) * CHANNELS
                    out = carray(floats(task[6] + 4 * place), CHANNELS)
                    _shrink(pixels[column * CHANNELS : (column + 1) * CHANNELS], thresholds, level, out)
