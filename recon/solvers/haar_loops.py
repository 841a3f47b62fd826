"""Shrinks shifted Haar details in one pass over the image, in loops compiled by numba.

Blocks of an orthonormal Haar transform do not depend on each other, so a strip of rows as high as a block goes
through all levels and back while it lies in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import carray, njit
from torch import Tensor

from recon.kernel_parts import floats, integers, ticket
from recon.kernels import compiled, run

LEVELS = 4
BLOCK = 2**LEVELS
HALF = np.float32(0.5)
FIRST = np.uint64(1)
ONE = np.float32(1)
TINY = np.float32(1e-37)


def shrink(values: Tensor, threshold: Tensor, shift: tuple[int, int], growth: float) -> Tensor:
    """Shrink the details of real planes `(..., readout, phase)`, extended by reflection to whole blocks.

    The result has the memory layout of the values: planes may be the real and imaginary parts of complex images.

    Parameters
    ----------
    values
        float32 `(..., readout, phase)`.
    threshold
        Threshold of the finest level, `(..., 1, 1)`.
    shift
        Rows and columns by which the grid of blocks begins before the image.
    growth
        Ratio of a level's threshold to that of the next finer one.
    """
    if values.stride(-1) not in (1, 2) or not values.numel():
        values = values.contiguous()
    result = torch.empty_strided(values.shape, values.stride())
    *leading, rows, columns = values.shape
    offsets = np.zeros(leading, np.int64)
    for axis, stride in enumerate(values.stride()[:-2]):
        offsets += 4 * stride * np.arange(leading[axis]).reshape(-1, *[1] * (len(leading) - 1 - axis))
    places = torch.from_numpy(offsets.ravel())
    growths = growth ** torch.arange(LEVELS)
    thresholds = threshold.expand(*leading, 1, 1).reshape(-1, 1) * growths.to(threshold)
    strips = -(-(rows + shift[0]) // BLOCK)
    run(
        _shrink_strip,
        strips * len(places),
        strips,
        rows,
        columns,
        values.stride(-2),
        values.stride(-1),
        *shift,
        values,
        result,
        places,
        thresholds.float().contiguous(),
    )
    return result


@njit(inline="always")
def _reflected(index: int, size: int) -> int:
    index %= 2 * size
    return index if index < size else 2 * size - 1 - index


@njit(inline="always")
def _shrunk(value: Any, threshold: Any) -> Any:
    share = min(ONE, threshold / max(TINY, abs(value)))
    return value * (ONE - share * np.sqrt(np.sqrt(np.sqrt(share))))


@njit
def _analyse(fine: Any, details: Any, threshold: Any) -> None:
    """Split `(rows, 2, columns)` into means and shrunk details, `(4, rows, columns / 2)`."""
    for row in range(len(fine)):
        top, bottom = fine[row, 0], fine[row, 1]
        mean, right, down, cross = details[0, row], details[1, row], details[2, row], details[3, row]
        for column in range(np.uint64(len(mean))):
            left = np.uint64(2) * column
            total, difference = top[left] + top[left + FIRST], top[left] - top[left + FIRST]
            total_below, difference_below = bottom[left] + bottom[left + FIRST], bottom[left] - bottom[left + FIRST]
            mean[column] = (total + total_below) * HALF
            down[column] = _shrunk((total - total_below) * HALF, threshold)
            right[column] = _shrunk((difference + difference_below) * HALF, threshold)
            cross[column] = _shrunk((difference - difference_below) * HALF, threshold)


@njit
def _synthesise(details: Any, fine: Any) -> None:
    """Undo `_analyse` but for the shrinkage."""
    for row in range(len(fine)):
        top, bottom = fine[row, 0], fine[row, 1]
        mean, right, down, cross = details[0, row], details[1, row], details[2, row], details[3, row]
        for column in range(np.uint64(len(mean))):
            left = np.uint64(2) * column
            total, difference = (mean[column] + down[column]) * HALF, (right[column] + cross[column]) * HALF
            top[left], top[left + FIRST] = total + difference, total - difference
            total, difference = (mean[column] - down[column]) * HALF, (right[column] - cross[column]) * HALF
            bottom[left], bottom[left + FIRST] = total + difference, total - difference


@njit
def _load(source: Any, step: int, before: int, columns: int, line: Any) -> None:
    """Read a row, and extend it by reflection."""
    middle = line[before : before + columns]
    if step == 1:
        for column in range(columns):
            middle[column] = source[column]
    else:
        for column in range(np.uint64(columns)):
            middle[column] = source[np.uint64(2) * column]
    for column in range(before):
        line[column] = middle[_reflected(column - before, columns)]
    for column in range(before + columns, len(line)):
        line[column] = middle[_reflected(column - before, columns)]


@njit
def _store(middle: Any, target: Any, step: int) -> None:
    if step == 1:
        for column in range(len(middle)):
            target[column] = middle[column]
    else:
        for column in range(np.uint64(len(middle))):
            target[np.uint64(2) * column] = middle[column]


@compiled
def _shrink_strip(pointer: Any) -> None:
    """Shrink the details of one strip of one plane; the fields of the task are those that `shrink` passes."""
    task = carray(pointer, 13)
    strips, rows, columns, stride, step, down, across = task[2], task[3], task[4], task[5], task[6], task[7], task[8]
    values, result, places, all_thresholds = task[9], task[10], task[11], task[12]
    width = -(-(columns + across) // BLOCK) * BLOCK
    strip = np.empty((BLOCK, width), np.float32)
    half = np.empty((4, BLOCK // 2, width // 2), np.float32)
    quarter = np.empty((4, BLOCK // 4, width // 4), np.float32)
    eighth = np.empty((4, BLOCK // 8, width // 8), np.float32)
    last = np.empty((4, 1, width // 16), np.float32)
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        plane, first = index // strips, index % strips * BLOCK - down
        place = carray(integers(places), plane + 1)[plane]
        thresholds = carray(floats(all_thresholds), (plane + 1) * LEVELS)[plane * LEVELS :]
        for row in range(BLOCK):
            start = values + place + 4 * stride * _reflected(first + row, rows)
            _load(carray(floats(start), columns * step), step, across, columns, strip[row])
        fine = strip.reshape(BLOCK // 2, 2, width)
        _analyse(fine, half, thresholds[0])
        fine_half = half[0].reshape(BLOCK // 4, 2, width // 2)
        _analyse(fine_half, quarter, thresholds[1])
        fine_quarter = quarter[0].reshape(BLOCK // 8, 2, width // 4)
        _analyse(fine_quarter, eighth, thresholds[2])
        fine_eighth = eighth[0].reshape(1, 2, width // 8)
        _analyse(fine_eighth, last, thresholds[3])
        _synthesise(last, fine_eighth)
        _synthesise(eighth, fine_quarter)
        _synthesise(quarter, fine_half)
        _synthesise(half, fine)
        for row in range(max(0, -first), min(BLOCK, rows - first)):
            start = result + place + 4 * stride * (first + row)
            _store(strip[row, across : across + columns], carray(floats(start), columns * step), step)
