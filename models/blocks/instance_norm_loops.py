"""Computes instance normalisation with leaky ReLU, and its adjoint, in two passes each, in loops compiled by numba.

Features are lines `(images, height, width chans)`, channels last. An image is taken in parts, and a part in rows of
whole pixels, so long that the innermost loop pays. Sums over a few rows are taken in single precision and added up in
double precision. The fields of a task are the two counters, the `Layout` and what `normalise` or `adjoint` add.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import carray, njit
from torch import Tensor

from recon.kernel_parts import doubles, floats, ticket
from recon.kernels import compiled, run

ROW_VALUES = 256
"""Fewest values of a row, if the image has as many."""

ROWS = 128
"""Rows whose sum is taken in single precision."""

PART_VALUES = 2**16
"""Number of values of a part, about."""

SAMPLES = 64
"""Pixels whose mean is the shift of an image's statistics."""

FARTHEST = 16.0
"""Square of the distance of the mean from the shift, over the variance, up to which the statistics are precise."""


class Layout(NamedTuple):
    """Division of an image: its values and channels, the values of a row, the rows of a part, and the parts."""

    values: int
    chans: int
    row: int
    rows: int
    parts: int

    @classmethod
    def of(cls, lines: Tensor, chans: int) -> Layout:
        """Divide images."""
        values, least = lines[0].numel(), math.lcm(chans, 16)
        row = least * -(-ROW_VALUES // least)
        rows = max(PART_VALUES // row, 1)
        return cls(values, chans, row, rows, -(-values // (row * rows)))


def normalise(lines: Tensor, chans: int, slope: float, eps: float) -> Tensor:
    """Normalise and activate lines in place; return `1 / std`, `(images, chans)`.

    Mean and variance come from one pass, which sums the differences to a shift near the mean, and their squares. For
    images whose shift turns out to be far off there is a second one.
    """
    images, layout = len(lines), Layout.of(lines, chans)
    tickets = images * layout.parts
    sums = torch.empty(images, layout.parts, 2, chans, dtype=torch.float64)
    shift, mean, inverse_std, far = (lines.new_empty(images, chans) for _ in range(4))
    numbers = torch.tensor([slope, eps], dtype=torch.float64)
    for again in (0, 1):
        run(_measure, tickets, *layout, lines, shift, sums, again)
        run(_finish, images, *layout, sums, shift, mean, inverse_std, numbers, far)
        if not far.numpy().any():  # torch would take ten times as long
            break
        shift.copy_(mean)
    run(_apply, tickets, *layout, lines, mean, inverse_std, numbers)
    return inverse_std


def adjoint(gradient: Tensor, activated: Tensor, inverse_std: Tensor, slope: float, out: Tensor) -> None:
    """Write `(g - mean(g) - n mean(g n)) / std` to `out`, with `n` the normalised lines and `g` their gradient."""
    chans = inverse_std.shape[-1]
    layout, images = Layout.of(gradient, chans), len(gradient)
    sums = torch.empty(images, layout.parts, 2, chans, dtype=torch.float64)
    numbers = torch.tensor([slope], dtype=torch.float64)
    run(_correlate, images * layout.parts, *layout, gradient, activated, sums, numbers)
    run(_pull_back, images * layout.parts, *layout, gradient, activated, sums, inverse_std, numbers, out)


@njit(inline="always")
def _part(task: Any, index: int) -> tuple[int, int, int, int]:
    """Return the image of a ticket, its first value in memory, the number of its rows, and of values after them."""
    values, row, rows, parts = task[2], task[4], task[5], task[6]
    image, part = index // parts, index % parts
    first = part * rows * row
    present = min(rows * row, values - first)
    return image, image * values + first, present // row, present % row


@njit(inline="always")
def _repeated(values: Any, image: int, chans: int, row: int) -> Any:
    """Return the values of an image's channels, repeated along a row."""
    repeated = np.empty(row, np.float32)
    for pixel in range(row // chans):
        for channel in range(chans):
            repeated[pixel * chans + channel] = values[image * chans + channel]
    return repeated


@njit(inline="always")
def _flush(sums: Any, first: int, row: Any, chans: int) -> None:
    """Add the sums along a row to those of its channels, and clear them."""
    for pixel in range(len(row) // chans):
        for channel in range(chans):
            sums[first + channel] += row[pixel * chans + channel]
    row[:] = 0


@njit(inline="always")
def _added(sums: Any, image: int, parts: int, which: int, channel: int, chans: int) -> float:
    """Add up one of the two sums over the parts of an image."""
    total = 0.0
    for part in range(parts):
        total += sums[((image * parts + part) * 2 + which) * chans + channel]
    return total


@njit(inline="always")
def _sample(task: Any, image: int, shift: Any) -> None:
    """Take the mean of a few pixels of an image as its shift; all threads find the same."""
    values, chans = task[2], task[3]
    pixels = values // chans
    every = -(-pixels // SAMPLES)
    taken = -(-pixels // every)
    totals = np.zeros(chans, np.float64)
    for pixel in range(0, pixels, every):
        x = carray(floats(task[7] + 4 * (image * values + pixel * chans)), chans)
        for channel in range(chans):
            totals[channel] += x[channel]
    for channel in range(chans):
        shift[image * chans + channel] = np.float32(totals[channel] / taken)


@njit(inline="always")
def _add_row(x: Any, shift: Any, total: Any, square: Any) -> None:
    for one in range(len(x)):
        difference = x[one] - shift[one]
        total[one] += difference
        square[one] += difference * difference


@compiled
def _measure(pointer: Any) -> None:
    """Sum the differences of one part to the shift, and their squares."""
    task = carray(pointer, 11)
    chans, row = task[3], task[4]
    lines, shift_of_each, all_sums, again = task[7], task[8], task[9], task[10]
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        image, first, rows, rest = _part(task, index)
        x = carray(floats(lines + 4 * first), rows * row + rest)
        shifts = carray(floats(shift_of_each), (image + 1) * chans)
        if not again:
            _sample(task, image, shifts)
        shift = _repeated(shifts, image, chans, row)
        sums = carray(doubles(all_sums + 16 * index * chans), 2 * chans)
        sums[:] = 0
        total, square = np.zeros(row, np.float32), np.zeros(row, np.float32)
        for line in range(rows):
            _add_row(x[line * row : (line + 1) * row], shift, total, square)
            if line % ROWS == ROWS - 1:
                _flush(sums, 0, total, chans)
                _flush(sums, chans, square, chans)
        _add_row(x[rows * row :], shift, total, square)
        _flush(sums, 0, total, chans)
        _flush(sums, chans, square, chans)


@compiled
def _finish(pointer: Any) -> None:
    """Turn the sums of one image into its mean and `1 / std`, and mark channels whose shift was too far off."""
    task = carray(pointer, 13)
    chans, parts = task[3], task[6]
    pixels = task[2] // chans
    eps = carray(doubles(task[11]), 2)[1]
    while True:
        image = ticket(pointer)
        if image >= task[1]:
            break
        sums = carray(doubles(task[7]), (image + 1) * parts * 2 * chans)
        shift, mean = carray(floats(task[8]), (image + 1) * chans), carray(floats(task[9]), (image + 1) * chans)
        scale, far = carray(floats(task[10]), (image + 1) * chans), carray(floats(task[12]), (image + 1) * chans)
        for channel in range(chans):
            offset = _added(sums, image, parts, 0, channel, chans) / pixels
            square = _added(sums, image, parts, 1, channel, chans) / pixels
            variance = max(square - offset * offset, 0.0)
            place = image * chans + channel
            mean[place] = np.float32(shift[place] + offset)
            scale[place] = np.float32(1 / np.sqrt(variance + eps))
            far[place] = offset * offset > FARTHEST * variance


@njit(inline="always")
def _apply_row(x: Any, mean: Any, scale: Any, slope: Any) -> None:
    for one in range(len(x)):
        value = (x[one] - mean[one]) * scale[one]
        x[one] = value if value >= 0 else value * slope


@compiled
def _apply(pointer: Any) -> None:
    """Normalise and activate one part in place."""
    task = carray(pointer, 11)
    chans, row = task[3], task[4]
    slope = np.float32(carray(doubles(task[10]), 1)[0])
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        image, first, rows, rest = _part(task, index)
        x = carray(floats(task[7] + 4 * first), rows * row + rest)
        mean = _repeated(carray(floats(task[8]), (image + 1) * chans), image, chans, row)
        scale = _repeated(carray(floats(task[9]), (image + 1) * chans), image, chans, row)
        for line in range(rows):
            _apply_row(x[line * row : (line + 1) * row], mean, scale, slope)
        _apply_row(x[rows * row :], mean, scale, slope)


@njit(inline="always")
def _correlate_row(g: Any, y: Any, total: Any, along: Any, slope: Any, steep: Any) -> None:
    for one in range(len(g)):
        positive = y[one] > 0
        gradient = g[one] if positive else g[one] * slope
        normalised = y[one] if positive else y[one] * steep
        total[one] += gradient
        along[one] += gradient * normalised


@compiled
def _correlate(pointer: Any) -> None:
    """Sum the gradient of one part behind the activation, and its product with the normalised features."""
    task = carray(pointer, 11)
    chans, row = task[3], task[4]
    slope = np.float32(carray(doubles(task[10]), 1)[0])
    steep = np.float32(1) / slope
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        _, first, rows, rest = _part(task, index)
        g = carray(floats(task[7] + 4 * first), rows * row + rest)
        y = carray(floats(task[8] + 4 * first), rows * row + rest)
        sums = carray(doubles(task[9] + 16 * index * chans), 2 * chans)
        sums[:] = 0
        total, along = np.zeros(row, np.float32), np.zeros(row, np.float32)
        for line in range(rows):
            some = slice(line * row, (line + 1) * row)
            _correlate_row(g[some], y[some], total, along, slope, steep)
            if line % ROWS == ROWS - 1:
                _flush(sums, 0, total, chans)
                _flush(sums, chans, along, chans)
        _correlate_row(g[rows * row :], y[rows * row :], total, along, slope, steep)
        _flush(sums, 0, total, chans)
        _flush(sums, chans, along, chans)


@njit(inline="always")
def _pull_back_row(g: Any, y: Any, out: Any, mean: Any, along: Any, scale: Any, slope: Any, steep: Any) -> None:
    for one in range(len(g)):
        positive = y[one] > 0
        gradient = g[one] if positive else g[one] * slope
        normalised = y[one] if positive else y[one] * steep
        out[one] = (gradient - mean[one] - normalised * along[one]) * scale[one]


@compiled
def _pull_back(pointer: Any) -> None:
    """Write the gradient of one part in front of the normalisation."""
    task = carray(pointer, 13)
    chans, row, parts = task[3], task[4], task[6]
    slope = np.float32(carray(doubles(task[11]), 1)[0])
    steep = np.float32(1) / slope
    while True:
        index = ticket(pointer)
        if index >= task[1]:
            break
        image, first, rows, rest = _part(task, index)
        g = carray(floats(task[7] + 4 * first), rows * row + rest)
        y = carray(floats(task[8] + 4 * first), rows * row + rest)
        out = carray(floats(task[12] + 4 * first), rows * row + rest)
        sums, pixels = carray(doubles(task[9]), (image + 1) * parts * 2 * chans), task[2] // chans
        means = np.empty(2 * chans, np.float32)
        for which in range(2):
            for channel in range(chans):
                total = _added(sums, image, parts, which, channel, chans)
                means[which * chans + channel] = np.float32(total / pixels)
        mean, along = _repeated(means, 0, chans, row), _repeated(means, 1, chans, row)
        scale = _repeated(carray(floats(task[10]), (image + 1) * chans), image, chans, row)
        for line in range(rows):
            some = slice(line * row, (line + 1) * row)
            _pull_back_row(g[some], y[some], out[some], mean, along, scale, slope, steep)
        some = slice(rows * row, rows * row + rest)
        _pull_back_row(g[some], y[some], out[some], mean, along, scale, slope, steep)
